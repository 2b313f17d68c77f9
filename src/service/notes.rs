//! Notes that no caller waits for, collected for a moment and written together by a background task. A database that
//! does not accept them delays no request, and a flood of notes loses the last ones instead of stopping the server.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

/// Notes that wait to be written. In a flood, further notes are dropped.
const WAITING: usize = 4096;
/// How long notes are collected before they are written in one transaction.
const GATHERING: Duration = Duration::from_secs(1);

/// Where notes of one kind go. Cheap to clone; all clones are one.
#[derive(Debug)]
pub struct Notes<T>(mpsc::Sender<Message<T>>);

#[derive(Debug)]
enum Message<T> {
    Note(T),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl<T> Clone for Notes<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + 'static> Notes<T> {
    /// Notes that `write` writes, until the last clone is dropped.
    pub fn start(write: impl FnMut(Vec<T>) -> BoxFuture<'static, ()> + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(gather(receiver, write));
        Self(sender)
    }

    /// Accepts a note, if there is room for it.
    pub fn add(&self, note: T) {
        let _ = self.0.try_send(Message::Note(note));
    }

    /// Waits until the notes so far are written or given up.
    pub async fn flush(&self) {
        let (sender, written) = oneshot::channel();
        if self.0.send(Message::Flush(sender)).await.is_ok() {
            let _ = written.await;
        }
    }
}

async fn gather<T>(mut receiver: mpsc::Receiver<Message<T>>, mut write: impl FnMut(Vec<T>) -> BoxFuture<'static, ()>) {
    while let Some(first) = receiver.recv().await {
        let (mut notes, mut waiting) = (Vec::new(), None);
        let until = Instant::now() + GATHERING;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Note(note) => notes.push(note),
                Message::Flush(sender) => {
                    waiting = Some(sender);
                    break;
                }
            }
            let is_full = notes.len() >= WAITING;
            next = if is_full { None } else { timeout_at(until, receiver.recv()).await.ok().flatten() };
        }
        if !notes.is_empty() {
            write(notes).await;
        }
        if let Some(sender) = waiting {
            let _ = sender.send(());
        }
    }
}
