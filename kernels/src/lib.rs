//! The arithmetic of transformer encoders, on plain slices. It is a package of its own because it has to be compiled with
//! optimisation in tests, too. Must not know about models, texts or threads.

pub mod arithmetic;
pub mod float32;
pub mod int8;
pub mod matrix;
