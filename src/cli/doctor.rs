//! `docent doctor`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::model;
use crate::{
    app::{Aim, App, Parts},
    config::Config,
    db::Database,
    domain::{
        clock::{Clock, SystemClock},
        integrity::{DamageKind, Finding, Findings},
        vocabulary::Vocabulary,
    },
    telemetry,
};

/// The exit status when damage is left. 1 and 2 mean that the command could not do its work.
const DAMAGED: u8 = 3;

/// Exit status: 0 if there is no damage left, 3 if there is, 1 if the check could not be made.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Repair what is found, by doing again what is missing. Pending migrations are applied first.
    #[arg(long)]
    repair: bool,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        telemetry::init(&config.telemetry)?;
        if !self.repair && !Database::may_exist(&config.database, &config.data_dir) {
            bail!("there is no database in {}: `data_dir` says where it is", config.data_dir.display());
        }
        model::ensure_installed(&config).await?;
        // Whoever only looks changes nothing.
        let app = App::build(Parts { migrates: self.repair, ..Parts::from_config(config)? }).await?;
        let found = app.examine(if self.repair { Aim::Repair } else { Aim::Report }).await;
        app.close().await?;
        let findings = found?;
        if self.json {
            println!("{:#}", as_json(&findings));
        } else {
            print(&findings);
        }
        Ok(if findings.is_left() { ExitCode::from(DAMAGED) } else { ExitCode::SUCCESS })
    }
}

fn as_json(findings: &Findings) -> serde_json::Value {
    let one = |finding: &&Finding| {
        let Finding { kind, count, repaired, subjects } = finding;
        json!({ "kind": kind.as_str(), "count": count, "repaired": repaired, "subjects": subjects })
    };
    let all = findings.in_order();
    let now = SystemClock.now().to_rfc3339();
    json!({ "checkedAt": now, "isSound": !findings.is_left(), "findings": all.iter().map(one).collect::<Vec<_>>() })
}

fn print(findings: &Findings) {
    let all = findings.in_order();
    if all.is_empty() {
        println!("No damage was found.");
    }
    for Finding { kind, count, repaired, subjects } in all {
        println!("{}: {count} found, {repaired} repaired. {}", kind.as_str(), remedy(*kind));
        for subject in subjects {
            println!("  {subject}");
        }
        if subjects.len() < *count {
            println!("  …");
        }
    }
}

/// What `--repair` does.
fn remedy(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::WrongTotals => "The rows are counted again.",
        DamageKind::WrongChunks | DamageKind::MissingText => "The server indexes these documents again.",
        DamageKind::MissingVectors => "The vectors are made again from the chunks.",
        DamageKind::OrphanVectors => "The vectors are removed.",
        DamageKind::MissingOriginal => {
            "The documents stay searchable, and their error asks for the file. Files of sources are read by the next sync."
        }
        DamageKind::WrongDigest => {
            "The bytes are moved into the folder `damaged`. Documents ask for their files again; texts are extracted again."
        }
        DamageKind::UnreferencedOriginal => "The files are deleted.",
        DamageKind::StuckOperation => "Their jobs are enqueued again; those with nothing left to do end.",
        DamageKind::ExpiredLease => "The jobs can be claimed again.",
    }
}
