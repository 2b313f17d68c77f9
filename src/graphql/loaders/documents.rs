//! Documents.

use super::{DocumentFilter, DocumentList, load_by_key, load_under};
use crate::{
    db::repo::documents,
    domain::{
        document::Document,
        id::{CollectionId, DocumentId},
        page::Page,
    },
};

load_by_key!(DocumentId => Document: documents::find_many);
load_under!(CollectionId, DocumentList => Page<Document>: documents::list);
load_under!(CollectionId, DocumentFilter => i64: documents::count);
