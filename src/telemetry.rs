//! Logs: where they go and what they look like. It listens to `tracing`; only the start of a command calls it.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{LogFormat, TelemetryConfig};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("`telemetry.log` is not a filter such as `info` or `docent=debug`")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    #[error("logging has already been set up")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// Sends the logs of this process to standard error. Standard output is left to what commands print.
///
/// # Errors
/// When `telemetry.log` can't be read, or logging has been set up before.
pub fn init(config: &TelemetryConfig) -> Result<(), TelemetryError> {
    let colours = io::stderr().is_terminal();
    subscriber(config, colours, io::stderr)?.try_init().map_err(TelemetryError::AlreadySet)
}

fn subscriber<W>(
    config: &TelemetryConfig,
    colours: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(&config.log).map_err(TelemetryError::Filter)?;
    let lines = fmt::layer().with_ansi(colours).with_writer(writer);
    let lines = match config.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    Ok(Registry::default().with(lines.with_filter(filter)))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What is logged at `info` and at `debug` under these settings.
    fn logged(log: &str, format: LogFormat) -> String {
        let written = Arc::new(Mutex::new(Vec::new()));
        let config = TelemetryConfig { log: log.into(), format };
        let subscriber = subscriber(&config, false, Shared(Arc::clone(&written))).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(collections = 3, "opened");
            tracing::debug!("details");
        });
        let written = written.lock().unwrap();
        String::from_utf8(written.clone()).unwrap()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Shared {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn text_lines_are_for_people_and_keep_to_the_filter() {
        let lines = logged("info", LogFormat::Text);
        assert!(lines.contains(" INFO docent::telemetry::tests: opened collections=3\n"), "{lines}");
        assert!(!lines.contains("details"), "{lines}");
    }

    #[test]
    fn json_lines_are_one_object_each() {
        let lines = logged("warn,docent=debug", LogFormat::Json);
        let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2);
        assert_eq!(objects[0]["fields"], serde_json::json!({ "message": "opened", "collections": 3 }));
        assert_eq!(objects[1]["level"], "DEBUG");
    }

    #[test]
    fn a_filter_that_is_none_is_refused_by_its_key() {
        let config = TelemetryConfig { log: "docent=loud".into(), ..TelemetryConfig::default() };
        let error = subscriber(&config, false, io::stderr).err().unwrap();
        assert!(error.to_string().starts_with("`telemetry.log`"));
    }
}
