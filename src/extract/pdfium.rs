//! The shared object that reads PDF: which build of it is meant on which platform, and how it is installed.
//!
//! It comes from the packages of pypdfium2, which are ZIP containers. Both the package and the library in it are pinned by
//! SHA-256.

use std::{
    io::Cursor,
    path::{Path, PathBuf},
};

use zip::ZipArchive;

use crate::pinned::{PinnedError, PinnedFile, download::Progress};

/// A build of PDFium.
#[derive(Debug)]
pub struct Build {
    /// Where the package index has the package.
    folder: &'static str,
    package: PinnedFile,
    library: PinnedFile,
}

/// Why PDFium is not installed.
#[derive(Debug, thiserror::Error)]
pub enum PdfiumError {
    #[error("there is no build of PDFium for this platform")]
    UnknownPlatform,
    #[error("the package of PDFium can't be unpacked")]
    Package(#[source] zip::result::ZipError),
    #[error("PDFium can't be installed")]
    File(#[from] PinnedError),
}

const LINUX_X86_64: Build = Build {
    folder: "packages/c8/e5/2e668bc1bc6fe22f9006694b5571a2dd2c9b874d6a21d16ee839c8f7f6ea",
    package: PinnedFile {
        name: "pypdfium2-5.15.2-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        bytes: 4_020_833,
        sha256: "dc31aea5b0fb9fefc9b537a65f4113980b2c40798445736a7e6565bc85161e37",
    },
    library: PinnedFile {
        name: "libpdfium.so",
        bytes: 8_271_176,
        sha256: "c76dc0f7839644bfa7c3e3107a6068df714e339c861bb7d4519907b821d427f9",
    },
};

const LINUX_AARCH64: Build = Build {
    folder: "packages/03/1f/7a18e64c50049dce8512239bcdb9f8469d0a0c352dd42ae85b6b01d143f8",
    package: PinnedFile {
        name: "pypdfium2-5.15.2-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
        bytes: 3_887_212,
        sha256: "dd46e93c0c3a73f6cea8489baff6d77a5d0759dd53fbbce0aeb49c91830176fc",
    },
    library: PinnedFile {
        name: "libpdfium.so",
        bytes: 8_308_952,
        sha256: "4378615ad9710397c96c112611be9018629bbfe38805d91a2663a534b99c28ca",
    },
};

const MACOS_AARCH64: Build = Build {
    folder: "packages/e7/bb/bf88a781a53c905022b25b2d1fb742c908f86b8076403471f626cc41a508",
    package: PinnedFile {
        name: "pypdfium2-5.15.2-py3-none-macosx_13_0_arm64.whl",
        bytes: 3_710_813,
        sha256: "e71fe832e94421ac3c28d6a6ed4a9e61f22417089652d339f391c4ffc2a44c35",
    },
    library: PinnedFile {
        name: "libpdfium.dylib",
        bytes: 7_591_600,
        sha256: "5574cd4164a1317bc6b2f3168a4f433ca84561aa1b33f570422ce20f199d3765",
    },
};

impl Build {
    /// The build for the platform of this program.
    ///
    /// # Errors
    /// `UnknownPlatform`.
    pub fn of_this_platform() -> Result<&'static Self, PdfiumError> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") if cfg!(target_env = "gnu") => Ok(&LINUX_X86_64),
            ("linux", "aarch64") if cfg!(target_env = "gnu") => Ok(&LINUX_AARCH64),
            ("macos", "aarch64") => Ok(&MACOS_AARCH64),
            _ => Err(PdfiumError::UnknownPlatform),
        }
    }

    /// Where the library belongs.
    pub fn path(&self, library_dir: &Path) -> PathBuf {
        library_dir.join(self.library.name)
    }

    /// Reads the installed library and compares it with its pin.
    ///
    /// # Errors
    /// `File` if it is missing or another one.
    pub fn verify(&self, library_dir: &Path) -> Result<(), PdfiumError> {
        self.library.read(&self.path(library_dir))?;
        Ok(())
    }

    /// Installs the library from a folder that contains it, or its package, at any depth.
    ///
    /// # Errors
    /// `File` if the folder lacks it or has another one.
    pub fn import(&self, folder: &Path, library_dir: &Path) -> Result<(), PdfiumError> {
        match self.library.import(folder, &self.path(library_dir)) {
            Err(PinnedError::Missing) => {
                let package = library_dir.join(self.package.name);
                self.package.import(folder, &package)?;
                self.unpack(&package, library_dir)
            }
            done => Ok(done?),
        }
    }

    /// Installs the library from the package index at `index_url`. What is installed already stays.
    ///
    /// # Errors
    /// `File` if the index can't be reached or sends another file.
    pub async fn pull(&self, library_dir: &Path, index_url: &str, progress: Progress<'_>) -> Result<(), PdfiumError> {
        if self.verify(library_dir).is_ok() {
            return Ok(());
        }
        let url = format!("{}/{}/{}", index_url.trim_end_matches('/'), self.folder, self.package.name);
        let package = library_dir.join(self.package.name);
        self.package.pull(&url, &package, progress).await?;
        self.unpack(&package, library_dir)
    }

    /// Takes the library out of its package and removes the package.
    fn unpack(&self, package: &Path, library_dir: &Path) -> Result<(), PdfiumError> {
        let content = Cursor::new(self.package.read(package)?);
        let mut archive = ZipArchive::new(content).map_err(PdfiumError::Package)?;
        let name = format!("pypdfium2_raw/{}", self.library.name);
        let entry = archive.by_name(&name).map_err(PdfiumError::Package)?;
        self.library.copy(entry, &self.path(library_dir))?;
        // A package that can't be removed does no harm.
        let _ = std::fs::remove_file(package);
        Ok(())
    }
}
