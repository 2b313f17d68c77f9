//! What was measured, as one table for people and as JSON for programs; and the messages on the way.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::statistics::{Samples, number};

/// In what a figure is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    /// 0 to 1, or a difference of such values.
    Score,
    Count,
    Milliseconds,
    Seconds,
    PerSecond,
    /// Millions of bytes.
    Megabytes,
}

impl Unit {
    fn digits(self) -> usize {
        match self {
            Self::Score => 4,
            Self::Count => 0,
            Self::Milliseconds | Self::Seconds => 2,
            Self::PerSecond | Self::Megabytes => 1,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Score | Self::Count => "",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::PerSecond => "/s",
            Self::Megabytes => "MB",
        }
    }
}

/// What a figure should be.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// A figure that could not be measured (NaN) misses every target.
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

/// One measured value. It is for information unless it is given a target.
pub struct Figure {
    key: String,
    label: String,
    value: f64,
    unit: Unit,
    target: Option<Target>,
}

impl Figure {
    pub fn at_least(&mut self, bound: f64) {
        self.target = Some(Target::AtLeast(bound));
    }

    pub fn at_most(&mut self, bound: f64) {
        self.target = Some(Target::AtMost(bound));
    }
}

struct Section {
    title: String,
    figures: Vec<Figure>,
}

/// Figures in sections, with the facts under which they were measured.
#[derive(Default)]
pub struct Report {
    facts: Vec<(String, String)>,
    sections: Vec<Section>,
}

impl Report {
    /// A circumstance of the run.
    pub fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    /// Starts a section; the figures that follow belong to it.
    pub fn section(&mut self, title: impl Into<String>) {
        self.sections.push(Section { title: title.into(), figures: Vec::new() });
    }

    /// A figure of the newest section.
    fn figure(&mut self, key: &str, label: &str, value: f64, unit: Unit) -> &mut Figure {
        if self.sections.is_empty() {
            self.section("Figures");
        }
        let newest = self.sections.len() - 1;
        let figures = &mut self.sections[newest].figures;
        let place = figures.len();
        figures.push(Figure { key: key.to_owned(), label: label.to_owned(), value, unit, target: None });
        &mut figures[place]
    }

    pub fn score(&mut self, key: &str, label: &str, value: f64) -> &mut Figure {
        self.figure(key, label, value, Unit::Score)
    }

    pub fn count(&mut self, key: &str, label: &str, value: usize) -> &mut Figure {
        self.figure(key, label, number(value), Unit::Count)
    }

    pub fn milliseconds(&mut self, key: &str, label: &str, value: f64) -> &mut Figure {
        self.figure(key, label, value, Unit::Milliseconds)
    }

    pub fn seconds(&mut self, key: &str, label: &str, value: f64) -> &mut Figure {
        self.figure(key, label, value, Unit::Seconds)
    }

    pub fn rate(&mut self, key: &str, label: &str, value: f64) -> &mut Figure {
        self.figure(key, label, value, Unit::PerSecond)
    }

    pub fn bytes(&mut self, key: &str, label: &str, value: u64) -> &mut Figure {
        self.figure(key, label, megabytes(value), Unit::Megabytes)
    }

    /// Percentiles of times, for information.
    pub fn latency(&mut self, key: &str, label: &str, times: &Samples) {
        for percent in [50, 95] {
            self.milliseconds(&format!("{key}_p{percent}"), &format!("{label} p{percent}"), times.percentile(percent));
        }
    }

    fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.sections.iter().flat_map(|section| &section.figures)
    }

    /// How many judged figures miss their target.
    pub fn missed(&self) -> usize {
        self.figures().filter(|figure| figure.target.is_some_and(|target| !target.is_met(figure.value))).count()
    }

    fn table(&self) -> String {
        let mut lines: Vec<String> = self.facts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let width = self.figures().map(|figure| figure.label.chars().count()).max().unwrap_or(0);
        for section in &self.sections {
            lines.push(format!("\n{}", section.title));
            for figure in &section.figures {
                let mut line = format!(
                    "  {:width$}  {:>12} {:3}",
                    figure.label,
                    shown(figure.value, figure.unit),
                    figure.unit.label()
                );
                if let Some(target) = figure.target {
                    let (sign, bound) = match target {
                        Target::AtLeast(bound) => (">=", bound),
                        Target::AtMost(bound) => ("<=", bound),
                    };
                    let mark = if target.is_met(figure.value) { "pass" } else { "FAIL" };
                    line = format!("{line}  {sign} {bound:<8} {mark}");
                }
                lines.push(line.trim_end().to_owned());
            }
        }
        let judged = self.figures().filter(|figure| figure.target.is_some()).count();
        lines.push(format!("\n{} of {judged} targets met", judged - self.missed()));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let facts: serde_json::Map<String, Value> =
            self.facts.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let figures: Vec<Value> = self
            .sections
            .iter()
            .flat_map(|section| section.figures.iter().map(move |figure| (section, figure)))
            .map(|(section, figure)| {
                let target = figure.target.map(|target| match target {
                    Target::AtLeast(bound) => json!({ "atLeast": bound }),
                    Target::AtMost(bound) => json!({ "atMost": bound }),
                });
                json!({
                    "key": figure.key,
                    "section": section.title,
                    "label": figure.label,
                    "value": figure.value,
                    "unit": figure.unit.label(),
                    "target": target,
                    "met": figure.target.map(|target| target.is_met(figure.value)),
                })
            })
            .collect();
        json!({ "facts": facts, "figures": figures, "targetsMissed": self.missed() })
    }

    /// Prints the table, and writes the JSON if it is wanted.
    pub fn publish(&self, json: Option<&Path>) -> Result<()> {
        writeln!(io::stdout(), "{}", self.table())?;
        if let Some(path) = json {
            let text = serde_json::to_string_pretty(&self.json())? + "\n";
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Bytes in millions.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn shown(value: f64, unit: Unit) -> String {
    if value.is_nan() { "not measured".into() } else { format!("{value:.*}", unit.digits()) }
}

/// Tells on standard error what is being done.
pub fn note(message: impl AsRef<str>) {
    // Who closed standard error doesn't want to know.
    let _ = writeln!(io::stderr(), "{}", message.as_ref());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.fact("machine", "a small one");
        report.section("Quality");
        report.score("good", "good figure", 0.72).at_least(0.72);
        report.milliseconds("bad", "bad figure", 41.0).at_most(40.0);
        report.seconds("absent", "absent figure", f64::NAN).at_most(1.0);
        report.rate("other", "for information", 12.0);
        report
    }

    #[test]
    fn table_names_each_figure_with_its_target_and_mark() {
        let table = report().table();
        let line = |label: &str| {
            let line = table.lines().find(|line| line.contains(label)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("good figure"), "good figure 0.7200 >= 0.72 pass");
        assert_eq!(line("bad figure"), "bad figure 41.00 ms <= 40 FAIL");
        assert_eq!(line("absent figure"), "absent figure not measured s <= 1 FAIL");
        assert_eq!(line("for information"), "for information 12.0 /s");
        assert!(table.ends_with("1 of 3 targets met"), "{table}");
    }

    #[test]
    fn json_carries_the_same_figures() {
        let json = report().json();
        assert_eq!(json["targetsMissed"], 2);
        assert_eq!(json["facts"]["machine"], "a small one");
        assert_eq!(json["figures"][0]["target"], json!({ "atLeast": 0.72 }));
        assert_eq!(json["figures"][0]["met"], true);
        assert_eq!(json["figures"][2]["value"], Value::Null);
        assert_eq!(json["figures"][3]["met"], Value::Null);
    }
}
