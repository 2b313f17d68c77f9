//! The bytes of a file on their way to a reader, in pieces: a file is larger than what the server wants in its memory.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};

/// The parts of a file that decide which reader is used.
pub(super) const HEAD_BYTES: usize = 1024;

/// A file to read.
pub struct Content {
    size: u64,
    pieces: BoxStream<'static, io::Result<Bytes>>,
}

impl Content {
    /// A file of `size` bytes, which come as `pieces`.
    pub fn new<E>(size: u64, pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        Self { size, pieces: pieces.map_err(io::Error::other).boxed() }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The first [`HEAD_BYTES`] of the file, or a few more, and the whole of it.
    pub(super) async fn split_head(mut self) -> io::Result<(Vec<u8>, Self)> {
        let mut head = Vec::new();
        let mut first = Vec::new();
        while head.len() < HEAD_BYTES
            && let Some(piece) = self.pieces.try_next().await?
        {
            head.extend_from_slice(&piece[..piece.len().min(HEAD_BYTES)]);
            first.push(Ok(piece));
        }
        Ok((head, Self { pieces: stream::iter(first).chain(self.pieces).boxed(), ..self }))
    }

    /// The next piece; an error if the file ends before its size says so.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let Some(piece) = self.pieces.try_next().await? else {
            return if self.size == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        };
        let rest = self.size.checked_sub(piece.len() as u64);
        self.size = rest.ok_or_else(|| io::Error::other("the file is longer than it should be"))?;
        Ok(Some(piece))
    }

    /// All of it.
    pub(super) async fn gather(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::new(bytes.len() as u64, stream::iter([Ok::<_, io::Error>(bytes)]))
    }
}
