//! Sources and their runs.

use super::{RunFilter, RunList, SourceFilter, SourceList, load_by_key, load_under};
use crate::{
    db::repo::{source_runs, sources},
    domain::{
        id::{CollectionId, SourceId, SourceRunId},
        page::Page,
        source::{Source, SourceRun},
    },
};

load_by_key!(SourceId => Source: sources::find_many);
load_by_key!(SourceRunId => SourceRun: source_runs::find_many);
load_under!(CollectionId, SourceList => Page<Source>: sources::list_of_collections);
load_under!(CollectionId, SourceFilter => i64: sources::count_of_collections);
load_under!(SourceId, RunList => Page<SourceRun>: source_runs::list);
load_under!(SourceId, RunFilter => i64: source_runs::count);
