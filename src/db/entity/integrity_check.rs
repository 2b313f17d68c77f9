//! Table `integrity_checks`.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;

use super::{StoredEnum, from_json, to_json};
use crate::{
    db::DatabaseError,
    domain::{
        integrity::{Check, DamageKind},
        vocabulary::Vocabulary,
        worker::WorkerName,
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integrity_checks")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub worker: String,
    pub checked_at: DateTimeUtc,
    pub collections: i32,
    /// How much was found, by the name of the kind.
    #[sea_orm(column_type = "JsonBinary")]
    pub findings: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Check> for Model {
    type Error = DatabaseError;

    fn try_from(check: Check) -> Result<Self, DatabaseError> {
        let findings: BTreeMap<_, _> = check.found.iter().map(|(kind, count)| (kind.as_str(), count)).collect();
        Ok(Self {
            worker: check.worker.stored(),
            checked_at: check.checked_at,
            collections: i32::try_from(check.collections).unwrap_or(i32::MAX),
            findings: to_json("integrity_checks.findings", &findings)?,
        })
    }
}

impl TryFrom<Model> for Check {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        let findings: BTreeMap<String, usize> = from_json("integrity_checks.findings", row.findings)?;
        let of = |kind: &DamageKind| Some((*kind, *findings.get(kind.as_str())?));
        Ok(Self {
            worker: WorkerName::restore("integrity_checks.worker", &row.worker)?,
            checked_at: row.checked_at,
            collections: usize::try_from(row.collections).unwrap_or(0),
            found: DamageKind::ALL.iter().filter_map(of).collect(),
        })
    }
}
