//! What a command shows while it works.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a line says how far it is where there are no bars.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// The bar that shows how much of a file has been downloaded.
pub(super) struct Bar {
    style: ProgressStyle,
    bar: Mutex<ProgressBar>,
}

impl Bar {
    pub(super) fn new() -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{msg:20} {bar:40} {bytes}/{total_bytes}  {eta}")?;
        Ok(Self { style, bar: Mutex::new(ProgressBar::hidden()) })
    }

    /// Shows that `done` of `total` bytes of a file are here.
    pub(super) fn show(&self, file: &str, done: u64, total: u64) {
        let Ok(mut bar) = self.bar.lock() else { return };
        if done == 0 {
            *bar = ProgressBar::new(total).with_style(self.style.clone()).with_message(file.to_owned());
        }
        bar.set_position(done);
        if done == total {
            bar.finish();
        }
    }
}

/// Where meters and notes are shown: standard error, so that standard output has nothing but results.
#[derive(Clone)]
pub(super) struct Board {
    bars: MultiProgress,
    has_lines: bool,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    Documents,
}

impl Board {
    /// Bars on a terminal, and a line now and then elsewhere. A silent one has neither, and only its notes are shown.
    pub(super) fn new(is_silent: bool) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target =
            if is_terminal && !is_silent { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), has_lines: !is_terminal && !is_silent }
    }

    /// A meter of something that begins now.
    pub(super) fn meter(&self, what: &str, unit: Unit) -> anyhow::Result<Meter> {
        let template = match unit {
            Unit::Bytes => "{msg:12} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
            Unit::Documents => "{msg:12} {bar:30} {pos}/{len} documents  {per_sec:1}  {eta}",
        };
        let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(template)?).with_message(what.to_owned());
        let told = self.has_lines.then(|| Arc::new(Mutex::new(Instant::now())));
        Ok(Meter { bar: self.bars.add(bar), unit, told })
    }

    /// Says something above the bars.
    #[expect(clippy::print_stderr, reason = "what is no result goes to standard error")]
    pub(super) fn note(&self, note: &str) {
        self.bars.suspend(|| eprintln!("{note}"));
    }

    /// Does something that writes to the terminal above the bars.
    pub(super) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bars.suspend(write)
    }
}

/// How far something is, how fast it is, and what is left. Clones are one meter.
#[derive(Clone)]
pub(super) struct Meter {
    bar: ProgressBar,
    unit: Unit,
    /// When the last line was written.
    told: Option<Arc<Mutex<Instant>>>,
}

impl Meter {
    /// There is more to do.
    pub(super) fn grow(&self, by: u64) {
        self.bar.inc_length(by);
    }

    /// There is less to do.
    pub(super) fn shrink(&self, by: u64) {
        self.bar.dec_length(by);
    }

    pub(super) fn advance(&self, by: u64) {
        self.bar.inc(by);
        self.tell();
    }

    /// Some of what was done has to be done again.
    pub(super) fn take_back(&self, what: u64) {
        self.bar.dec(what);
    }

    /// How far it is in all.
    pub(super) fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.tell();
    }

    /// It has ended.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    #[expect(clippy::print_stderr, reason = "what is no result goes to standard error")]
    fn tell(&self) {
        let Some(mut told) = self.told.as_ref().and_then(|told| told.lock().ok()) else { return };
        if told.elapsed() >= BETWEEN_LINES {
            *told = Instant::now();
            eprintln!("{}", self.line());
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is shown to people")]
    fn line(&self) -> String {
        let (what, done, total) = (self.bar.message(), self.bar.position(), self.bar.length().unwrap_or_default());
        let (rate, left) = (self.bar.per_sec(), HumanDuration(self.bar.eta()));
        match self.unit {
            Unit::Bytes => {
                let (done, total, rate) = (bytes(done), bytes(total), bytes(rate as u64));
                format!("{what}: {done} of {total}, {rate}/s, {left} left")
            }
            Unit::Documents => format!("{what}: {done} of {total} documents, {rate:.1}/s, {left} left"),
        }
    }
}

/// A number of bytes, for people.
pub(super) fn bytes(number: u64) -> String {
    HumanBytes(number).to_string()
}

/// A duration, for people.
pub(super) fn duration(time: Duration) -> String {
    HumanDuration(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_says_in_a_line_how_far_it_is() {
        let board = Board { bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()), has_lines: true };
        let sent = board.meter("sending", Unit::Bytes).unwrap();
        sent.grow(3 * 1024 * 1024);
        sent.advance(2 * 1024 * 1024);
        sent.take_back(1024 * 1024);
        sent.shrink(1024 * 1024);
        assert!(sent.line().starts_with("sending: 1.00 MiB of 2.00 MiB, "), "{}", sent.line());
        let indexed = board.meter("indexing", Unit::Documents).unwrap();
        indexed.set(3, 40);
        assert!(indexed.line().starts_with("indexing: 3 of 40 documents, "), "{}", indexed.line());
    }
}
