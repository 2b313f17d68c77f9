//! The lines that calendars and contacts consist of: `NAME;PARAMETER=value:value`, folded where they are long.

use mail_parser::decoders::quoted_printable::quoted_printable_decode;

pub(super) struct Line {
    /// In upper case, without its group.
    pub name: String,
    parameters: Vec<(String, String)>,
    /// As it was written, with its escapes.
    pub value: String,
}

/// The lines of a text, unfolded.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line> {
    let mut rest = text.lines().peekable();
    std::iter::from_fn(move || {
        let mut line = rest.next()?.to_owned();
        let is_encoded = line.to_ascii_uppercase().contains("QUOTED-PRINTABLE");
        while let Some(next) = rest.peek() {
            // A line in quoted-printable goes on after an equals sign.
            let is_soft = is_encoded && line.ends_with('=');
            match next.strip_prefix([' ', '\t']) {
                Some(folded) => line.push_str(folded),
                None if is_soft => {
                    line.pop();
                    line.push_str(next);
                }
                None => break,
            }
            rest.next();
        }
        Some(line)
    })
    .filter_map(|line| parse(&line))
}

fn parse(line: &str) -> Option<Line> {
    let mut is_quoted = false;
    let colon = line.find(|character| {
        is_quoted ^= character == '"';
        character == ':' && !is_quoted
    })?;
    let mut is_quoted = false;
    let mut head = line[..colon].split(|character| {
        is_quoted ^= character == '"';
        character == ';' && !is_quoted
    });
    let name = head.next()?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name).trim().to_ascii_uppercase();
    let parameters = head.filter_map(|parameter| parameter.split_once('='));
    let parameters: Vec<_> = parameters
        .map(|(name, value)| (name.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned()))
        .collect();
    let is_encoded = parameters.iter().any(|(_, value)| value.eq_ignore_ascii_case("QUOTED-PRINTABLE"));
    let value = &line[colon + 1..];
    let decoded = if is_encoded { quoted_printable_decode(value.as_bytes()) } else { None };
    let value = decoded.map_or_else(|| value.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
    Some(Line { name, parameters, value })
}

impl Line {
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Its value without escapes.
    pub(super) fn text(&self) -> String {
        unescaped(&self.value)
    }

    /// The parts of its value that say something.
    pub(super) fn parts(&self, separator: &str) -> String {
        let parts = self.value.split(';').map(|part| unescaped(part.trim()));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
    }
}

fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(escaped) => text.push(escaped),
                None => {}
            },
            character => text.push(character),
        }
    }
    text
}
