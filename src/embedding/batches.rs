//! The threads that embed chunks, and their queue.
//!
//! Calls take turns: a free thread takes one text of each call in a circle until the batch is full, so a call with one
//! text does not wait for another call's thousands. The texts of a batch need not have similar lengths, since a batch
//! has no padding. The cost of taking a batch does not depend on the length of the queue. Must not know about models
//! and settings.

use std::{
    any::Any,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::oneshot;

use super::EmbeddingError;

/// Below this many tokens a batch is slower for each token, so that little work is not shared among threads.
const SMALLEST_SHARE: usize = 256;

/// Something that turns token ids into vectors, one for each text, in order.
pub(super) trait Encode: Send + Sync + 'static {
    fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, Box<dyn std::error::Error + Send + Sync>>;
}

/// The threads. They end when this is dropped.
pub(super) struct Batches {
    queue: Arc<Queue>,
}

struct Queue {
    state: Mutex<State>,
    /// There is work, or the end has come.
    news: Condvar,
    threads: usize,
    batch_tokens: usize,
}

#[derive(Default)]
struct State {
    /// The calls that have texts waiting, the next in turn first.
    calls: VecDeque<Call>,
    /// The tokens of all that waits.
    tokens: usize,
    is_closed: bool,
}

/// The texts of one caller that wait; never none.
type Call = VecDeque<Chunk>;

/// The ids of a text, and who waits for its vector.
struct Chunk {
    ids: Vec<u32>,
    answer: oneshot::Sender<Result<Vec<f32>, EmbeddingError>>,
}

impl Batches {
    /// Starts `threads` threads, whose batches have at most `batch_tokens` tokens unless a single text has more.
    pub(super) fn start(
        encoder: &Arc<impl Encode>,
        threads: usize,
        batch_tokens: usize,
    ) -> Result<Self, EmbeddingError> {
        let queue = Queue { state: Mutex::default(), news: Condvar::new(), threads, batch_tokens };
        let batches = Self { queue: Arc::new(queue) };
        for number in 0..threads {
            let queue = Arc::clone(&batches.queue);
            let encoder = Arc::clone(encoder);
            let work = move || {
                while let Some(batch) = queue.next_batch() {
                    answer(encoder.as_ref(), batch);
                }
            };
            thread::Builder::new()
                .name(format!("embed-{number}"))
                .spawn(work)
                .map_err(|source| EmbeddingError::Model { action: "starting a thread", source: source.into() })?;
        }
        Ok(batches)
    }

    /// The vectors of `texts`, in order. When the caller goes away, texts that still wait are dropped.
    pub(super) async fn embed(&self, texts: Vec<Vec<u32>>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let (chunks, answers): (Vec<_>, Vec<_>) = texts
            .into_iter()
            .map(|ids| {
                let (answer, receiver) = oneshot::channel();
                (Chunk { ids, answer }, receiver)
            })
            .unzip();
        self.queue.lock().add(chunks.into());
        self.queue.news.notify_all();
        let mut vectors = Vec::with_capacity(answers.len());
        for answer in answers {
            vectors.push(answer.await.map_err(|_| EmbeddingError::Stopped)??);
        }
        Ok(vectors)
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.queue.lock().is_closed = true;
        self.queue.news.notify_all();
    }
}

impl Queue {
    /// Waits for texts and takes a batch; `None` at the end.
    fn next_batch(&self) -> Option<Vec<Chunk>> {
        let nothing_to_do = |state: &mut State| state.calls.is_empty() && !state.is_closed;
        let mut state = self.news.wait_while(self.lock(), nothing_to_do).unwrap_or_else(PoisonError::into_inner);
        if state.is_closed {
            return None;
        }
        Some(state.take(self.threads, self.batch_tokens))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete in itself, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, call: Call) {
        if !call.is_empty() {
            self.tokens += tokens(&call);
            self.calls.push_back(call);
        }
    }

    /// The next text of each call in turn, up to a batch or one thread's share of what waits.
    fn take(&mut self, threads: usize, batch_tokens: usize) -> Vec<Chunk> {
        let limit = self.tokens.div_ceil(threads).max(SMALLEST_SHARE).min(batch_tokens);
        let mut batch = Vec::new();
        let mut taken = 0;
        while let Some(length) = self.next_length()
            && (batch.is_empty() || taken + length <= limit)
            && let Some(mut call) = self.calls.pop_front()
        {
            taken += length;
            self.tokens -= length;
            batch.extend(call.pop_front());
            if !call.is_empty() {
                self.calls.push_back(call);
            }
        }
        batch
    }

    /// The tokens of the text whose turn it is. Calls whose callers are gone are dropped.
    fn next_length(&mut self) -> Option<usize> {
        loop {
            let chunk = self.calls.front()?.front()?;
            if !chunk.answer.is_closed() {
                return Some(chunk.ids.len());
            }
            let gone = self.calls.pop_front()?;
            self.tokens -= tokens(&gone);
        }
    }
}

fn tokens(call: &Call) -> usize {
    call.iter().map(|chunk| chunk.ids.len()).sum()
}

/// Embeds a batch and sends the results to the waiting calls. If the batch fails, each text is tried alone, so that a
/// text that can't be embedded fails alone.
fn answer(encoder: &impl Encode, batch: Vec<Chunk>) {
    let texts: Vec<_> = batch.iter().map(|chunk| chunk.ids.as_slice()).collect();
    let vectors = match encode(encoder, &texts) {
        Ok(vectors) => vectors.into_iter().map(Ok).collect(),
        Err(error) if batch.len() == 1 => vec![Err(error)],
        Err(_) => return batch.into_iter().for_each(|chunk| answer(encoder, vec![chunk])),
    };
    for (chunk, vector) in batch.into_iter().zip(vectors) {
        // The waiting caller may be gone by now.
        let _ = chunk.answer.send(vector);
    }
}

/// As `encoder` does, with a panic as an error: a thread outlives it, and its callers learn of it.
pub(super) fn encode(encoder: &impl Encode, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
    let failed = |source| EmbeddingError::Model { action: "embedding text", source };
    // Encoders don't change, so a panic leaves none half changed.
    match catch_unwind(AssertUnwindSafe(|| encoder.encode(texts))) {
        Ok(vectors) => vectors.map_err(failed),
        Err(panic) => Err(failed(format!("panic: {}", message(panic.as_ref())).into())),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    /// Answers each text with its ids; panics at 666, fails at 13.
    struct Echo;

    impl Encode for Echo {
        fn encode(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, Box<dyn Error + Send + Sync>> {
            assert!(!texts.concat().contains(&666), "the number of the beast");
            if texts.concat().contains(&13) {
                return Err("bad luck".into());
            }
            Ok(texts
                .iter()
                .map(|text| text.iter().map(|id| f32::from(u16::try_from(*id).unwrap())).collect())
                .collect())
        }
    }

    type Answer = oneshot::Receiver<Result<Vec<f32>, EmbeddingError>>;

    /// Each of the calls, with the lengths of its texts.
    fn waiting(calls: &[&[usize]]) -> (State, Vec<Vec<Answer>>) {
        let mut state = State::default();
        let answers = calls.iter().map(|lengths| {
            let texts = lengths.iter().map(|length| {
                let (answer, receiver) = oneshot::channel();
                (Chunk { ids: vec![0; *length], answer }, receiver)
            });
            let (chunks, answers): (Call, Vec<_>) = texts.unzip();
            state.add(chunks);
            answers
        });
        let answers = answers.collect();
        (state, answers)
    }

    fn lengths(batch: &[Chunk]) -> Vec<usize> {
        batch.iter().map(|chunk| chunk.ids.len()).collect()
    }

    #[test]
    fn a_batch_has_the_oldest_texts_of_a_call_that_fit() {
        let (mut state, _answers) = waiting(&[&[300, 400, 200, 500, 700]]);
        assert_eq!(lengths(&state.take(1, 1024)), [300, 400, 200]);
        assert_eq!(lengths(&state.take(1, 1024)), [500]);
        assert_eq!(lengths(&state.take(1, 1024)), [700]);
        assert!(state.take(1, 1024).is_empty());
    }

    #[test]
    fn a_chunk_that_is_longer_than_a_batch_goes_alone() {
        let (mut state, _answers) = waiting(&[&[3000, 10]]);
        assert_eq!(lengths(&state.take(1, 1024)), [3000]);
    }

    #[test]
    fn little_work_is_shared_among_threads_unless_it_is_very_little() {
        let (mut state, _answers) = waiting(&[&[200; 4]]);
        assert_eq!(lengths(&state.take(2, 1024)), [200, 200]);
        let (mut state, _answers) = waiting(&[&[20; 10]]);
        assert_eq!(state.take(2, 1024).len(), 10);
    }

    #[test]
    fn calls_whose_callers_are_gone_are_dropped() {
        let (mut state, mut answers) = waiting(&[&[1, 4], &[2, 5], &[3]]);
        answers.remove(1);
        assert_eq!(lengths(&state.take(1, 1024)), [1, 3, 4]);
        assert_eq!(state.tokens, 0);
    }

    #[test]
    fn calls_take_turns_text_by_text() {
        let (mut state, _answers) = waiting(&[&[100; 2000], &[7], &[8, 9]]);
        assert_eq!(lengths(&state.take(1, 400)), [100, 7, 8, 100, 9, 100]);
        assert_eq!(lengths(&state.take(1, 400)), [100; 4]);
    }

    #[tokio::test]
    async fn vectors_come_back_in_the_order_of_their_texts() {
        let batches = Batches::start(&Arc::new(Echo), 2, 8).unwrap();
        let texts: Vec<Vec<u32>> = (100..200).map(|id| vec![id; id as usize % 7]).collect();
        let vectors = batches.embed(texts.clone()).await.unwrap();
        let echoed = Echo.encode(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        assert_eq!(vectors, echoed);
        assert_eq!(batches.embed(Vec::new()).await.unwrap(), Vec::<Vec<f32>>::new());
    }

    #[tokio::test]
    async fn a_text_that_cannot_be_embedded_fails_alone_and_the_thread_goes_on() {
        let batches = Batches::start(&Arc::new(Echo), 1, 1024).unwrap();
        let (before, panicking, failing, after) = tokio::join!(
            batches.embed(vec![vec![1]]),
            batches.embed(vec![vec![2], vec![666]]),
            batches.embed(vec![vec![13]]),
            batches.embed(vec![vec![3]]),
        );
        assert_eq!(before.unwrap(), [[1.0]]);
        assert_eq!(after.unwrap(), [[3.0]]);
        let cause = |error: EmbeddingError| error.source().unwrap().to_string();
        assert_eq!(cause(panicking.unwrap_err()), "panic: the number of the beast");
        assert_eq!(cause(failing.unwrap_err()), "bad luck");
        assert_eq!(batches.embed(vec![vec![4]]).await.unwrap(), [[4.0]]);
    }
}
