//! CSV and TSV to a table: rows with their header.

use csv::{ReaderBuilder, StringRecord};

use super::{ExtractError, block::Block, document::Document, encoding, text};

const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How many rows are looked at to see what separates their fields.
const SAMPLE_ROWS: usize = 50;

/// Reads a file whose fields are separated by one of the usual characters; `usual` is the one that its name promises.
///
/// # Errors
/// `InvalidEncoding`, or `LimitExceeded` where the fields are longer than `max_text_bytes`.
pub(super) fn read(
    bytes: &[u8],
    declared_type: Option<&str>,
    usual: u8,
    max_text_bytes: usize,
) -> Result<Document, ExtractError> {
    let decoded = encoding::decode_or_guess(bytes, encoding::declared(declared_type))?;
    let clean = text::normalise(&decoded.text);
    let (declared, body) = declared_separator(&clean);
    let separator = declared.unwrap_or_else(|| guess_separator(body, usual));
    let mut rows = Vec::new();
    let mut size = 0;
    for record in records(body, separator) {
        size += record.as_slice().len();
        if size > max_text_bytes {
            return Err(ExtractError::too_much_text(max_text_bytes));
        }
        rows.push(record.iter().map(str::to_owned).collect());
    }
    Ok(Document {
        blocks: vec![Block::Table(rows)],
        warnings: decoded.warning.into_iter().collect(),
        ..Document::default()
    })
}

/// Excel writes `sep=;` as the first line where the separator is not that of the country.
fn declared_separator(text: &str) -> (Option<u8>, &str) {
    let Some((line, rest)) = text.split_once('\n') else { return (None, text) };
    match line.trim_matches('"').strip_prefix("sep=").map(str::as_bytes) {
        Some(&[separator]) => (Some(separator), rest),
        _ => (None, text),
    }
}

/// The character that gives the most rows as many fields as the first one, more than one.
fn guess_separator(text: &str, usual: u8) -> u8 {
    let score = |separator| {
        let mut sample = records(text, separator).take(SAMPLE_ROWS);
        let width = sample.next().map_or(0, |row| row.len());
        if width < 2 { (0, 0) } else { (1 + sample.filter(|row| row.len() == width).count(), width) }
    };
    // Of equal ones the last is taken.
    let candidates = SEPARATORS.into_iter().filter(|&separator| separator != usual).chain([usual]);
    candidates.max_by_key(|&separator| score(separator)).unwrap_or(usual)
}

/// The rows of a text. The library refuses only bytes that are not UTF-8, which a text does not have.
fn records(text: &str, separator: u8) -> impl Iterator<Item = StringRecord> {
    let reader =
        ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(text.as_bytes());
    reader.into_records().map_while(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::{super::block::render, read};

    fn markdown(text: &str) -> String {
        let document = read(text.as_bytes(), None, b',', 1 << 20).unwrap();
        render(&document.blocks, 1 << 20).unwrap().text
    }

    #[test]
    fn fields_are_separated_by_what_separates_most_rows() {
        let expected = "| Name | Price, net |\n| --- | --- |\n| Müller | 10 € |\n| \"x\" y | 1,5 |";
        for text in [
            "Name;Price, net\nMüller;10 €\n\"\"\"x\"\" y\";1,5\n",
            "Name\tPrice, net\r\nMüller\t10 €\r\n\"\"\"x\"\" y\"\t1,5",
            "Name,\"Price, net\"\nMüller,10 €\n\"\"\"x\"\" y\",\"1,5\"\n",
            "sep=|\nName|Price, net\nMüller|10 €\n\"\"\"x\"\" y\"|1,5\n",
        ] {
            assert_eq!(markdown(text), expected);
        }
    }

    #[test]
    fn fields_may_have_line_ends_and_rows_may_be_short() {
        assert_eq!(
            markdown("a,b,c\n1,\"two\nlines\"\n"),
            "| a | b |\n| --- | --- |\n| 1 | two lines |"
                .replace("| b |\n| --- | --- |", "| b | c |\n| --- | --- | --- |")
                .replace("lines |", "lines | |")
        );
    }
}
