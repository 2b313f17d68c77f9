//! A failpoint at which the application waits until the test has looked.

use std::sync::{Mutex, mpsc};

use tokio::sync::oneshot;

/// The application waits at a failpoint, the first time that it comes by.
pub struct Pause {
    name: String,
    reached: Option<oneshot::Receiver<()>>,
    release: mpsc::Sender<()>,
}

impl Pause {
    /// Waits at `name`, which only one test may use.
    pub fn at(name: String) -> Self {
        let (reached, is_reached) = oneshot::channel();
        let (release, is_released) = mpsc::channel();
        let once = Mutex::new(Some((reached, is_released)));
        fail::cfg_callback(name.clone(), move || {
            let taken = once.lock().unwrap().take();
            if let Some((reached, is_released)) = taken {
                let _ = reached.send(());
                // The thread's other tasks go on elsewhere. A test that ends lets go as well.
                let _ = tokio::task::block_in_place(|| is_released.recv());
            }
        })
        .unwrap();
        Self { name, reached: Some(is_reached), release }
    }

    /// Waits until the application is there.
    pub async fn reached(&mut self) {
        let reached = self.reached.take().expect("it is waited for once");
        tokio::time::timeout(super::app::PATIENCE, reached).await.expect("nobody comes by").unwrap();
    }

    /// Lets the application go on.
    pub fn release(&self) {
        let _ = self.release.send(());
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        fail::remove(&self.name);
    }
}
