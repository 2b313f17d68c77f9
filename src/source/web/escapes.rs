//! The `%XX` of URLs.

/// The byte that `%XX` at the beginning stands for.
pub(super) fn escaped(bytes: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

/// A part of a URL as people read it.
pub(super) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let byte = escaped(rest);
        rest = if byte.is_some() { &rest[3..] } else { after };
        bytes.push(byte.unwrap_or(*first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn what_is_escaped_is_read_and_the_rest_stays() {
        assert_eq!(decoded("H%C3%A4fen%20%zz%4"), "Häfen %zz%4");
    }
}
