//! Models: their files, their tokenizer, and the vectors they give.

mod added;
mod install;
mod local;
mod remote;
mod tokenizer;
