//! The library that reads PDF files.

use std::path::PathBuf;

/// Where it lies: `DOCENT_TEST_LIBRARY_DIR`, or `.pdfium` in the project. `make pdfium` installs it.
pub fn directory() -> PathBuf {
    std::env::var_os("DOCENT_TEST_LIBRARY_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.pdfium")), PathBuf::from)
}
