//! Table `jobs`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    /// What it concerns. No two jobs of a kind have the same subject.
    pub subject: Option<String>,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    pub status: String,
    /// The account that requested it; nil is the system.
    pub tenant: Uuid,
    pub lane: String,
    /// Lower numbers go first among the jobs of a tenant.
    pub priority: i32,
    /// How often it was tried.
    pub attempts: i32,
    /// How often its worker died while it worked on nothing else.
    pub crashes: i32,
    /// How often its worker died with it.
    pub suspicions: i32,
    /// How often in a row it was delayed before an attempt ended.
    pub delays: i32,
    pub run_at: DateTimeUtc,
    /// When `run_at` was decided on: a clock that shows less was set back.
    pub scheduled_at: DateTimeUtc,
    /// Whether it was requested again while it was held.
    pub runs_again: bool,
    /// Counts claims. A worker with another number has lost the job.
    pub lease_epoch: i32,
    pub lease_until: Option<DateTimeUtc>,
    /// The process that holds it.
    pub leased_by: Option<Uuid>,
    pub last_error: Option<String>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
