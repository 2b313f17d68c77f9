//! What tests stand on: real databases, a whole application, and callers of it.

pub mod app;
pub mod caller;
pub mod front;
pub mod model;
pub mod pause;
pub mod postgres;
pub mod process;
pub mod scope_net;
pub mod socket;

/// Declares tests that run on SQLite and on PostgreSQL: each gets an application of its own.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($app:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn check($app: $crate::support::app::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                check($crate::support::app::TestApp::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                check($crate::support::app::TestApp::on_postgres().await).await;
            }
        }
    )*};
}
