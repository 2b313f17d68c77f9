//! The bar that shows how much of a file has been downloaded.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

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
