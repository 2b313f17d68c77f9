//! PDFium, a shared object that the child process loads for the first PDF that it reads.
//!
//! This module is the only one that calls it. Handles are closed when their owners are dropped, and every text comes out as a
//! value.
#![expect(unsafe_code, reason = "PDFium has a C interface, and no process but the child calls it")]

use std::{
    ffi::{CStr, c_char, c_double, c_float, c_int, c_uint, c_ulong, c_ushort, c_void},
    path::Path,
    ptr,
};

use libloading::Library;

use super::super::moment;
use crate::domain::document::About;

type Handle = *mut c_void;

/// The functions that are used, by their names in `fpdfview.h`, `fpdf_text.h`, `fpdf_edit.h`, `fpdf_annot.h`.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)+) => {
        #[expect(non_snake_case, reason = "the names of the library")]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)+
        }

        impl Functions {
            /// # Safety
            /// The library has to be PDFium.
            unsafe fn find(library: &Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of PDFium's headers.
                unsafe { Ok(Self { $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)+ }) }
            }
        }
    };
}

functions! {
    FPDF_InitLibrary: fn();
    FPDF_LoadMemDocument64: fn(*const c_void, usize, *const c_char) -> Handle;
    FPDF_GetLastError: fn() -> c_ulong;
    FPDF_CloseDocument: fn(Handle);
    FPDF_GetPageCount: fn(Handle) -> c_int;
    FPDF_GetMetaText: fn(Handle, *const c_char, *mut c_void, c_ulong) -> c_ulong;
    FPDFCatalog_GetLanguage: fn(Handle, *mut c_ushort, c_ulong) -> c_ulong;
    FPDF_LoadPage: fn(Handle, c_int) -> Handle;
    FPDF_ClosePage: fn(Handle);
    FPDF_GetPageWidthF: fn(Handle) -> c_float;
    FPDF_GetPageHeightF: fn(Handle) -> c_float;
    FPDFText_LoadPage: fn(Handle) -> Handle;
    FPDFText_ClosePage: fn(Handle);
    FPDFText_CountChars: fn(Handle) -> c_int;
    FPDFText_GetUnicode: fn(Handle, c_int) -> c_uint;
    FPDFText_IsGenerated: fn(Handle, c_int) -> c_int;
    FPDFText_GetFontInfo: fn(Handle, c_int, *mut c_void, c_ulong, *mut c_int) -> c_ulong;
    FPDFText_GetCharAngle: fn(Handle, c_int) -> c_float;
    FPDFText_GetLooseCharBox: fn(Handle, c_int, *mut Rect) -> c_int;
    FPDFText_GetTextObject: fn(Handle, c_int) -> Handle;
    FPDFPageObj_CountMarks: fn(Handle) -> c_int;
    FPDFPageObj_GetMark: fn(Handle, c_ulong) -> Handle;
    FPDFPageObjMark_GetName: fn(Handle, *mut c_ushort, c_ulong, *mut c_ulong) -> c_int;
    FPDFPage_CountObjects: fn(Handle) -> c_int;
    FPDFPage_GetObject: fn(Handle, c_int) -> Handle;
    FPDFPageObj_GetType: fn(Handle) -> c_int;
    FPDFTextObj_GetText: fn(Handle, Handle, *mut c_ushort, c_ulong) -> c_ulong;
    FPDFPage_GetAnnotCount: fn(Handle) -> c_int;
    FPDFPage_GetAnnot: fn(Handle, c_int) -> Handle;
    FPDFPage_CloseAnnot: fn(Handle);
    FPDFAnnot_GetSubtype: fn(Handle) -> c_int;
    FPDFAnnot_GetStringValue: fn(Handle, *const c_char, *mut c_ushort, c_ulong) -> c_ulong;
    FPDFBitmap_Create: fn(c_int, c_int, c_int) -> Handle;
    FPDFBitmap_FillRect: fn(Handle, c_int, c_int, c_int, c_int, c_ulong) -> c_int;
    FPDFBitmap_GetBuffer: fn(Handle) -> Handle;
    FPDFBitmap_GetStride: fn(Handle) -> c_int;
    FPDFBitmap_Destroy: fn(Handle);
    FPDF_RenderPageBitmap: fn(Handle, Handle, c_int, c_int, c_int, c_int, c_int, c_int);
    FPDF_PageToDevice: fn(Handle, c_int, c_int, c_int, c_int, c_int, c_double, c_double, *mut c_int, *mut c_int) -> c_int;
}

const PASSWORD_ERROR: c_ulong = 4;
const TEXT_OBJECT: c_int = 1;
const FREE_TEXT: c_int = 3;
const WHITE: c_ulong = 0xffff_ffff;
/// Pages are drawn with one pixel a point, up to this width and height.
const MAX_PIXELS: c_int = 2000;

/// A box on a page, in points from its lower left corner.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C)]
pub(super) struct Rect {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// A character of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Glyph {
    pub character: char,
    /// The library put it there: a space or the end of a line.
    pub is_generated: bool,
    /// Written from left to right or right to left, not up or down.
    pub is_upright: bool,
    pub place: Rect,
}

pub(super) enum OpenError {
    /// The document has a password.
    Locked,
    Damaged,
}

/// The library, ready to read.
pub(super) struct Pdfium {
    functions: Functions,
    /// Keeps the code of `functions` in memory.
    _library: Library,
}

impl Pdfium {
    pub(super) fn load(path: &Path) -> Result<Self, libloading::Error> {
        // SAFETY: the operator names the file, whose digest is checked when it is installed.
        unsafe {
            let library = Library::new(path)?;
            let functions = Functions::find(&library)?;
            (functions.FPDF_InitLibrary)();
            Ok(Self { functions, _library: library })
        }
    }

    pub(super) fn open<'a>(&'a self, bytes: &'a [u8]) -> Result<Document<'a>, OpenError> {
        // SAFETY: the bytes outlive the document.
        let handle =
            unsafe { (self.functions.FPDF_LoadMemDocument64)(bytes.as_ptr().cast(), bytes.len(), ptr::null()) };
        if !handle.is_null() {
            return Ok(Document { functions: &self.functions, handle });
        }
        // SAFETY: it takes nothing.
        let error = unsafe { (self.functions.FPDF_GetLastError)() };
        Err(if error == PASSWORD_ERROR { OpenError::Locked } else { OpenError::Damaged })
    }
}

pub(super) struct Document<'a> {
    functions: &'a Functions,
    handle: Handle,
}

impl Document<'_> {
    pub(super) fn page_count(&self) -> c_int {
        // SAFETY: the handle is open.
        unsafe { (self.functions.FPDF_GetPageCount)(self.handle) }
    }

    /// What it says of itself.
    pub(super) fn about(&self) -> About {
        About {
            title: self.meta(c"Title"),
            author: self.meta(c"Author"),
            language: self.language(),
            created_at: self.meta(c"CreationDate").and_then(|date| moment::of_pdf(&date)),
            modified_at: self.meta(c"ModDate").and_then(|date| moment::of_pdf(&date)),
            page_count: None,
        }
    }

    fn meta(&self, key: &CStr) -> Option<String> {
        // SAFETY: the library writes no more than it is told.
        text_from(|buffer, length| unsafe {
            (self.functions.FPDF_GetMetaText)(self.handle, key.as_ptr(), buffer.cast(), length)
        })
    }

    fn language(&self) -> Option<String> {
        // SAFETY: as above.
        text_from(|buffer, length| unsafe { (self.functions.FPDFCatalog_GetLanguage)(self.handle, buffer, length) })
    }

    /// A page by its index, with its text.
    pub(super) fn page(&self, index: c_int) -> Option<Page<'_>> {
        let functions = self.functions;
        // SAFETY: the handle is open; what could be opened is closed in any case.
        unsafe {
            let handle = (functions.FPDF_LoadPage)(self.handle, index);
            if handle.is_null() {
                return None;
            }
            let text = (functions.FPDFText_LoadPage)(handle);
            if text.is_null() {
                (functions.FPDF_ClosePage)(handle);
                return None;
            }
            Some(Page { functions, handle, text })
        }
    }
}

impl Drop for Document<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the handle, and its pages are gone.
        unsafe { (self.functions.FPDF_CloseDocument)(self.handle) }
    }
}

pub(super) struct Page<'a> {
    functions: &'a Functions,
    handle: Handle,
    text: Handle,
}

impl Page<'_> {
    /// The characters in the order of the page's own description, without those on layers that are switched off.
    pub(super) fn glyphs(&self) -> Vec<Glyph> {
        let functions = self.functions;
        // SAFETY: the handle is open.
        let count = unsafe { (functions.FPDFText_CountChars)(self.text) };
        let mut glyphs = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
        let mut last_object: Handle = ptr::null_mut();
        let mut is_layered = false;
        let mut drawing = None;
        for index in 0..count {
            let mut place = Rect::default();
            // SAFETY: the index is below the count, and the library fills the box.
            let (unicode, is_generated, angle, object) = unsafe {
                (functions.FPDFText_GetLooseCharBox)(self.text, index, &raw mut place);
                (
                    (functions.FPDFText_GetUnicode)(self.text, index),
                    (functions.FPDFText_IsGenerated)(self.text, index) == 1,
                    (functions.FPDFText_GetCharAngle)(self.text, index),
                    (functions.FPDFText_GetTextObject)(self.text, index),
                )
            };
            let Some(mut character) = char::from_u32(unicode) else { continue };
            if character.is_control() && !is_generated && !self.has_font_name(index) {
                character = typeset(character);
            }
            if object != last_object {
                last_object = object;
                is_layered = self.is_layered(object);
            }
            if is_layered && !is_generated && !character.is_whitespace() {
                let drawing = drawing.get_or_insert_with(|| self.draw());
                if drawing.as_ref().is_some_and(|drawing| !self.is_drawn(drawing, place)) {
                    continue;
                }
            }
            glyphs.push(Glyph { character, is_generated, is_upright: angle.sin().abs() < 0.5, place });
        }
        glyphs
    }

    /// Whether the font of a character has a name. Bitmap fonts have none.
    fn has_font_name(&self, index: c_int) -> bool {
        // SAFETY: only the length of the name is asked for; a byte of zero ends it.
        let length =
            unsafe { (self.functions.FPDFText_GetFontInfo)(self.text, index, ptr::null_mut(), 0, ptr::null_mut()) };
        length > 1
    }

    /// How many pieces of text have no characters: glyphs that the file gives no meaning.
    pub(super) fn unreadable_count(&self) -> usize {
        let functions = self.functions;
        // SAFETY: indexes are below their counts, and no text is asked for, only its length: 2 bytes end every text.
        let is_unreadable = |index| unsafe {
            let object = (functions.FPDFPage_GetObject)(self.handle, index);
            (functions.FPDFPageObj_GetType)(object) == TEXT_OBJECT
                && (functions.FPDFTextObj_GetText)(object, self.text, ptr::null_mut(), 0) <= 2
        };
        // SAFETY: the handle is open.
        let count = unsafe { (functions.FPDFPage_CountObjects)(self.handle) };
        (0..count).filter(|&index| is_unreadable(index)).count()
    }

    /// What people typed on the page.
    pub(super) fn remarks(&self) -> Vec<String> {
        let functions = self.functions;
        let mut remarks = Vec::new();
        // SAFETY: indexes are below the count, and each annotation is closed.
        unsafe {
            for index in 0..(functions.FPDFPage_GetAnnotCount)(self.handle) {
                let annotation = (functions.FPDFPage_GetAnnot)(self.handle, index);
                if annotation.is_null() {
                    continue;
                }
                if (functions.FPDFAnnot_GetSubtype)(annotation) == FREE_TEXT {
                    remarks.extend(text_from(|buffer, length| {
                        (functions.FPDFAnnot_GetStringValue)(annotation, c"Contents".as_ptr(), buffer, length)
                    }));
                }
                (functions.FPDFPage_CloseAnnot)(annotation);
            }
        }
        remarks
    }

    /// Whether a piece of text is on a layer that can be switched.
    fn is_layered(&self, object: Handle) -> bool {
        const NAME: [c_ushort; 2] = [0x4f, 0x43];
        if object.is_null() {
            return false;
        }
        let functions = self.functions;
        // SAFETY: indexes are below the count; the library writes no more than the size of the buffer.
        unsafe {
            let count = (functions.FPDFPageObj_CountMarks)(object);
            (0..c_ulong::try_from(count).unwrap_or(0)).any(|index| {
                let mark = (functions.FPDFPageObj_GetMark)(object, index);
                let mut name = [0; 8];
                let mut length = 0;
                let bytes = c_ulong::try_from(size_of_val(&name)).unwrap_or(0);
                let found = (functions.FPDFPageObjMark_GetName)(mark, name.as_mut_ptr(), bytes, &raw mut length);
                found != 0 && name[..2] == NAME && name[2] == 0
            })
        }
    }

    /// The page as it looks, for what only its looks tell.
    fn draw(&self) -> Option<Drawing<'_>> {
        let functions = self.functions;
        // SAFETY: the handle is open; the bitmap is destroyed with the drawing.
        unsafe {
            let width = pixels((functions.FPDF_GetPageWidthF)(self.handle));
            let height = pixels((functions.FPDF_GetPageHeightF)(self.handle));
            let bitmap = (functions.FPDFBitmap_Create)(width, height, 0);
            if bitmap.is_null() {
                return None;
            }
            (functions.FPDFBitmap_FillRect)(bitmap, 0, 0, width, height, WHITE);
            (functions.FPDF_RenderPageBitmap)(bitmap, self.handle, 0, 0, width, height, 0, 0);
            Some(Drawing { functions, bitmap, width, height })
        }
    }

    /// Whether anything is seen in a box.
    fn is_drawn(&self, drawing: &Drawing<'_>, place: Rect) -> bool {
        let Drawing { width, height, .. } = *drawing;
        let corner = |x: f32, y: f32| {
            let (mut column, mut row) = (0, 0);
            // SAFETY: the library writes the two numbers.
            unsafe {
                (self.functions.FPDF_PageToDevice)(
                    self.handle,
                    0,
                    0,
                    width,
                    height,
                    0,
                    f64::from(x),
                    f64::from(y),
                    &raw mut column,
                    &raw mut row,
                );
            }
            (column.clamp(0, width - 1), row.clamp(0, height - 1))
        };
        let (one, other) = (corner(place.left, place.top), corner(place.right, place.bottom));
        let mut pixels = (one.1.min(other.1)..=one.1.max(other.1))
            .flat_map(|row| (one.0.min(other.0)..=one.0.max(other.0)).map(move |column| drawing.pixel(column, row)));
        let first = pixels.next();
        pixels.any(|pixel| Some(pixel) != first)
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the handles.
        unsafe {
            (self.functions.FPDFText_ClosePage)(self.text);
            (self.functions.FPDF_ClosePage)(self.handle);
        }
    }
}

struct Drawing<'a> {
    functions: &'a Functions,
    bitmap: Handle,
    width: c_int,
    height: c_int,
}

impl Drawing<'_> {
    /// A pixel inside the width and height.
    fn pixel(&self, column: c_int, row: c_int) -> u32 {
        // SAFETY: four bytes a pixel, `stride` bytes a row, and both are inside.
        unsafe {
            let buffer = (self.functions.FPDFBitmap_GetBuffer)(self.bitmap).cast::<u8>();
            let stride = (self.functions.FPDFBitmap_GetStride)(self.bitmap);
            let offset = row as isize * stride as isize + column as isize * 4;
            buffer.offset(offset).cast::<u32>().read_unaligned()
        }
    }
}

impl Drop for Drawing<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the bitmap.
        unsafe { (self.functions.FPDFBitmap_Destroy)(self.bitmap) }
    }
}

/// What TeX's bitmap fonts have in the places of control characters, without saying so.
fn typeset(code: char) -> char {
    match code {
        '\u{b}' | '\u{1b}' => '\u{fb00}',
        '\u{c}' | '\u{1c}' => '\u{fb01}',
        '\u{d}' | '\u{1d}' => '\u{fb02}',
        '\u{e}' | '\u{1e}' => '\u{fb03}',
        '\u{f}' | '\u{1f}' => '\u{fb04}',
        '\u{10}' => '“',
        '\u{11}' => '”',
        '\u{15}' => '–',
        '\u{16}' => '—',
        code => code,
    }
}

fn pixels(points: f32) -> c_int {
    #[expect(clippy::cast_possible_truncation, reason = "casts of numbers that are too large end at the largest")]
    let pixels = points.ceil() as c_int;
    pixels.clamp(1, MAX_PIXELS)
}

/// A text that the library writes in UTF-16: asked first for its length in bytes, then for itself.
fn text_from(write: impl Fn(*mut c_ushort, c_ulong) -> c_ulong) -> Option<String> {
    let bytes = write(ptr::null_mut(), 0);
    let mut buffer = vec![0_u16; usize::try_from(bytes).ok()?.div_ceil(2)];
    write(buffer.as_mut_ptr(), bytes);
    let end = buffer.iter().position(|&unit| unit == 0).unwrap_or(buffer.len());
    let text = String::from_utf16_lossy(&buffer[..end]);
    (!text.trim().is_empty()).then_some(text)
}
