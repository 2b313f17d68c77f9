//! Accounts.

use super::load_by_key;
use crate::{
    db::repo::users,
    domain::{id::UserId, user::User},
};

load_by_key!(UserId => User: users::find_many);
