//! `docent model`.
