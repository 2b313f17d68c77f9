//! What was measured, as one table for people and as JSON for programs; and the messages on the way.

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// In what a figure is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
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
pub enum Target {
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

struct Figure {
    key: String,
    label: String,
    value: f64,
    unit: Unit,
    target: Option<Target>,
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

    /// A figure for information.
    pub fn figure(&mut self, key: &str, label: &str, value: f64, unit: Unit) {
        self.add(key, label, value, unit, None);
    }

    /// A figure that is judged.
    pub fn judged(&mut self, key: &str, label: &str, value: f64, unit: Unit, target: Target) {
        self.add(key, label, value, unit, Some(target));
    }

    fn add(&mut self, key: &str, label: &str, value: f64, unit: Unit, target: Option<Target>) {
        if self.sections.is_empty() {
            self.section("Figures");
        }
        let figure = Figure { key: key.to_owned(), label: label.to_owned(), value, unit, target };
        if let Some(section) = self.sections.last_mut() {
            section.figures.push(figure);
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

/// A count as the value of a figure.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn number(count: usize) -> f64 {
    count as f64
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
        report.judged("good", "good figure", 0.72, Unit::Score, Target::AtLeast(0.71));
        report.judged("bad", "bad figure", 41.0, Unit::Milliseconds, Target::AtMost(40.0));
        report.judged("absent", "absent figure", f64::NAN, Unit::Seconds, Target::AtMost(1.0));
        report.figure("other", "for information", 12.0, Unit::PerSecond);
        report
    }

    #[test]
    fn table_names_each_figure_with_its_target_and_mark() {
        let table = report().table();
        let line = |label: &str| {
            let line = table.lines().find(|line| line.contains(label)).unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("good figure"), "good figure 0.7200 >= 0.71 pass");
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
        assert_eq!(json["figures"][0]["target"], json!({ "atLeast": 0.71 }));
        assert_eq!(json["figures"][0]["met"], true);
        assert_eq!(json["figures"][2]["value"], Value::Null);
        assert_eq!(json["figures"][3]["met"], Value::Null);
    }

    #[test]
    fn value_equal_to_its_bound_meets_the_target() {
        assert!(Target::AtLeast(0.85).is_met(0.85) && Target::AtMost(600.0).is_met(600.0));
    }
}
