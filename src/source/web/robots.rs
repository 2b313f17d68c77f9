//! What a site asks programs to leave alone (RFC 9309).

use std::{fmt::Write, time::Duration};

use super::escapes::escaped;

/// The longest pause between two requests that a site can ask for.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// The rules of a site for this program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Robots {
    rules: Vec<Rule>,
    /// The pause between two requests. Not in the standard, but sites mean it.
    pub(super) delay: Option<Duration>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Rule {
    pattern: String,
    is_allowed: bool,
}

impl Robots {
    /// Reads `robots.txt`. The groups that name the program count, or else those for all programs.
    pub(super) fn parse(text: &[u8], program: &str) -> Self {
        let text = String::from_utf8_lossy(text);
        let (mut own, mut general) = (None::<Self>, Self::default());
        let (mut is_own, mut is_general, mut is_named) = (false, false, false);
        for line in text.trim_start_matches('\u{feff}').split(['\r', '\n']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if key == "user-agent" {
                if !is_named {
                    (is_own, is_general) = (false, false);
                }
                is_named = true;
                is_own |= product(value).eq_ignore_ascii_case(program);
                is_general |= value == "*";
                continue;
            }
            is_named &= !matches!(key.as_str(), "allow" | "disallow" | "crawl-delay");
            if is_own {
                own.get_or_insert_default().add(&key, value);
            }
            if is_general {
                general.add(&key, value);
            }
        }
        own.unwrap_or(general)
    }

    /// Whether a URL may be requested, by its path with its query. The longest rule that fits decides.
    pub(super) fn allows(&self, path: &str) -> bool {
        let path = comparable(path);
        let fitting = self.rules.iter().filter(|rule| fits(&rule.pattern, &path));
        let decisive = fitting.max_by_key(|rule| (rule.pattern.len(), rule.is_allowed));
        decisive.is_none_or(|rule| rule.is_allowed)
    }

    fn add(&mut self, key: &str, value: &str) {
        match key {
            "allow" | "disallow" if !value.is_empty() => {
                self.rules.push(Rule { pattern: comparable(value), is_allowed: key == "allow" });
            }
            "crawl-delay" => {
                let seconds = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                self.delay = seconds.map(|delay: Duration| delay.min(MAX_DELAY)).or(self.delay);
            }
            _ => {}
        }
    }
}

/// The name of a program, without its version.
fn product(agent: &str) -> &str {
    let end = agent.find(|character: char| !character.is_ascii_alphabetic() && !matches!(character, '-' | '_'));
    &agent[..end.unwrap_or(agent.len())]
}

/// A path in the one form in which paths are compared: letters that need no escape are not escaped, all others are.
fn comparable(path: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(path.len()), path.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let byte = escaped(rest);
        rest = if byte.is_some() { &rest[3..] } else { after };
        match (byte, *first) {
            (Some(byte), _) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => text.push(char::from(byte)),
            (None, first) if first.is_ascii_graphic() => text.push(char::from(first)),
            (byte, first) => _ = write!(text, "%{:02X}", byte.unwrap_or(first)),
        }
    }
    text
}

/// Whether a path begins as the pattern says: `*` stands for any characters, `$` at the end for the end of the path.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, is_whole) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let Some((first, others)) = pattern.split_once('*') else {
        return if is_whole { path == pattern } else { path.starts_with(pattern) };
    };
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
    for part in middle.split('*') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    if is_whole { rest.ends_with(last) } else { rest.contains(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn robots(text: &str) -> Robots {
        Robots::parse(text.as_bytes(), "Docent")
    }

    #[test]
    fn the_longest_rule_decides_and_permission_wins_a_tie() {
        let robots =
            robots("User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c # not this\nAllow: /d\nDisallow: /d");
        for path in ["/", "/a/b", "/a/b?x", "/d"] {
            assert!(robots.allows(path), "{path}");
        }
        for path in ["/a", "/abc", "/a/b/c", "/a/b/c/d"] {
            assert!(!robots.allows(path), "{path}");
        }
    }

    #[test]
    fn stars_and_ends_are_understood() {
        let robots = robots("User-agent: *\nDisallow: /*.gif$\nDisallow: /private*/x\nDisallow: /only$");
        for path in ["/a.gif?x", "/a.gifs", "/private/y", "/only/this"] {
            assert!(robots.allows(path), "{path}");
        }
        for path in ["/a.gif", "/b/c.gif", "/private/x", "/private/y/x/z", "/only"] {
            assert!(!robots.allows(path), "{path}");
        }
    }

    #[test]
    fn groups_for_this_program_count_together_and_others_only_without_them() {
        let text = "User-agent: docent/1.0\nUser-agent: other\nDisallow: /a\n\nSitemap: https://a.test/s.xml\n\
            User-agent: *\nDisallow: /\n\nuser-agent: DOCENT\ndisallow: /b\ncrawl-delay: 2.5\n";
        let own = robots(text);
        assert!(own.allows("/") && !own.allows("/a") && !own.allows("/b"));
        assert_eq!(own.delay, Some(Duration::from_millis(2500)));
        assert!(!Robots::parse(text.as_bytes(), "Else").allows("/c"));
        assert!(robots("User-agent: other\nDisallow: /").allows("/"));
        assert!(robots("User-agent: *\nDisallow:").allows("/"));
        assert!(robots("\u{0}\u{1}<html>nonsense").allows("/"));
    }

    #[test]
    fn escapes_are_compared_by_what_they_mean() {
        let robots = robots("User-agent: *\nDisallow: /%7Ea/h%c3%a4fen\nDisallow: /ö");
        assert!(!robots.allows("/~a/h%C3%A4fen") && !robots.allows("/%C3%B6") && robots.allows("/%7Eb"));
    }

    #[test]
    fn a_delay_has_an_end() {
        assert_eq!(robots("User-agent: *\nCrawl-delay: 86400").delay, Some(MAX_DELAY));
        assert_eq!(robots("User-agent: *\nCrawl-delay: -1").delay, None);
    }
}
