//! A crawl: pages of a site, one request after the other.
//!
//! Whoever crawls stores what is found: [`Crawl::next`] returns a page at a time. A page that is unchanged, or that can't be
//! read now, leads to more pages through the original that is stored of it (see [`Crawl::follow`]).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::{
    task::{spawn_blocking, yield_now},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout_at},
};
use url::{Position, Url};

use super::{
    MAX_URL, Web,
    client::{Answer, Client, Failure, PROGRAM, Received},
    file_name::{file_name, is_no_text},
    links::{MAX_SITEMAP_BYTES, Sitemap, links, looks_like_markup, sitemap},
    page_url,
    place::Place,
    robots::Robots,
};
use crate::{
    domain::source::{Cut, KnownFile, Scan, SkipReason, Validators, WebLocation, WebStart},
    source::{Patterns, SourceError},
};

/// The longest `robots.txt` that is read (RFC 9309: at least 500 KiB).
const MAX_ROBOTS_BYTES: u64 = 1024 * 1024;
/// Redirects in a row.
const MAX_HOPS: u8 = 5;
/// Sitemaps that a sitemap can list.
const MAX_SITEMAPS: usize = 200;
/// URLs that are remembered for each page that may be requested, so that none is looked at twice.
const SEEN_PER_PAGE: usize = 20;
/// Links that are looked at before other work of the process has its turn.
const BREATH: usize = 1000;
/// How often a page is requested that can't be read now.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that a server can ask for.
const MAX_PAUSE: Duration = Duration::from_secs(20);
/// Pages in a row that can't be read before the site is considered away.
const MAX_FAILURES: u32 = 10;

/// A page that was read.
pub struct Page {
    /// Its URL.
    pub uri: String,
    pub file_name: String,
    pub content_type: Option<String>,
    pub validators: Validators,
    pub bytes: Bytes,
}

/// What became of a page that belongs to the place.
pub enum Visit {
    Read(Page),
    /// It is as it was when its validators were written down.
    Unmodified {
        uri: String,
    },
    /// It could not be read now, or leads elsewhere for now.
    Failed {
        uri: String,
    },
}

/// A page that is to be requested.
#[derive(Clone)]
struct Link {
    url: Url,
    /// How many links lead to it.
    depth: i32,
    /// How many redirects in a row.
    hops: u8,
}

/// What a host wants.
struct Host {
    rules: Rules,
    pace: Interval,
}

enum Rules {
    Robots(Robots),
    /// They can't be read, so nothing may be requested.
    Unknown(String),
    /// It may not be connected to.
    Internal,
}

/// Why a page is no document.
enum Miss {
    Skip(SkipReason, String),
    Failed(String),
}

/// A crawl in progress.
pub struct Crawl {
    client: Client,
    deadline: Instant,
    place: Place,
    patterns: Patterns,
    max_depth: i32,
    max_pages: usize,
    max_bytes: u64,
    /// The time between two requests to one host.
    pace: Duration,
    known: HashMap<String, Validators>,
    /// By origin.
    hosts: HashMap<String, Host>,
    queue: VecDeque<Link>,
    /// Digests of URLs.
    seen: HashSet<[u8; 32]>,
    /// Whether all URLs could be remembered that were found.
    has_room: bool,
    /// The page that was visited last.
    current: Option<Link>,
    requested: usize,
    /// Pages in a row that could not be read.
    failures: u32,
    scan: Scan,
}

impl Crawl {
    pub(super) async fn begin(
        web: &Web,
        location: &WebLocation,
        known: &[KnownFile],
        pages: usize,
        time: Duration,
    ) -> Result<Self, SourceError> {
        let deadline = Instant::now() + time;
        let minute = Duration::from_mins(1);
        let mut crawl = Self {
            client: Client::new(&web.guard, web.timeout, deadline)?,
            deadline,
            place: Place::of(&location.start)?,
            patterns: Patterns::new(&location.include, &location.exclude)?,
            max_depth: if let WebStart::Page(page) = &location.start { page.depth } else { 0 },
            max_pages: pages,
            max_bytes: u64::try_from(location.max_file_bytes).unwrap_or(0),
            pace: minute / u32::try_from(location.requests_per_minute).unwrap_or(1).max(1),
            known: known.iter().map(|file| (file.uri.clone(), file.validators.clone())).collect(),
            hosts: HashMap::new(),
            queue: VecDeque::new(),
            seen: HashSet::new(),
            has_room: true,
            current: None,
            requested: 0,
            failures: 0,
            scan: Scan::default(),
        };
        crawl.find_start(&location.start).await?;
        Ok(crawl)
    }

    /// Requests the next page. `None` when there is none left, or when the crawl may not go on.
    ///
    /// # Errors
    /// `Site` if the start page can't be read.
    pub async fn next(&mut self) -> Result<Option<Visit>, SourceError> {
        while let Some(link) = self.queue.pop_front() {
            if let Some(cut) = self.limit() {
                self.queue.clear();
                self.scan.cut(cut);
                break;
            }
            self.requested += 1;
            self.current = Some(link.clone());
            let visited = self.visit(&link).await;
            self.failures = if matches!(visited, Err(Miss::Failed(_))) { self.failures + 1 } else { 0 };
            match visited {
                Ok(Some(visit)) => return Ok(Some(visit)),
                Ok(None) => {}
                Err(Miss::Skip(_, reason) | Miss::Failed(reason)) if self.place.starts_at(&link.url) => {
                    return Err(SourceError::Site(format!("{}: {reason}", link.url)));
                }
                Err(Miss::Skip(reason, _)) => {
                    self.scan.skip(link.url.as_str(), reason);
                    if reason.may_pass() && self.known.contains_key(link.url.as_str()) {
                        self.scan.unread.push(link.url.as_str().to_owned());
                        return Ok(Some(Visit::Failed { uri: link.url.into() }));
                    }
                }
                Err(Miss::Failed(reason)) => {
                    tracing::debug!(url = %link.url, reason, "page not read");
                    self.scan.fail(link.url.as_str());
                    return Ok(Some(Visit::Failed { uri: link.url.into() }));
                }
            }
        }
        Ok(None)
    }

    /// Whether the links of the page that was visited last are followed.
    #[must_use]
    pub fn wants_links(&self) -> bool {
        self.current.as_ref().is_some_and(|link| link.depth < self.max_depth)
    }

    /// Follows the links of the page that was visited last.
    pub async fn follow(&mut self, page: &[u8]) {
        let Some(Link { url, depth, .. }) = self.current.clone().filter(|_| self.wants_links()) else { return };
        if !looks_like_markup(page) {
            return;
        }
        for (index, target) in links(page, &url).enumerate() {
            self.enqueue(target, depth + 1);
            if !self.has_room {
                break;
            }
            if index % BREATH == BREATH - 1 {
                yield_now().await;
            }
        }
    }

    /// The page that was visited last has to be read again, because nothing is known of it any more.
    pub fn read_again(&mut self) {
        if let Some(link) = self.current.take() {
            self.known.remove(link.url.as_str());
            self.queue.push_front(link);
        }
    }

    /// Where the page that was visited last leads to is unknown, so nothing that is not found is gone.
    pub fn lose_track(&mut self) {
        self.scan.unread.push(String::new());
    }

    /// What was left out.
    #[must_use]
    pub fn into_scan(self) -> Scan {
        self.scan
    }

    async fn find_start(&mut self, start: &WebStart) -> Result<(), SourceError> {
        match start {
            WebStart::Urls(urls) => {
                for url in urls {
                    self.enqueue(page_url(url)?, 0);
                }
            }
            WebStart::Page(page) => self.enqueue(page_url(&page.url)?, 0),
            WebStart::Sitemap(url) => self.read_sitemaps(page_url(url)?).await?,
        }
        Ok(())
    }

    /// Queues the pages of a sitemap and of those that it lists.
    async fn read_sitemaps(&mut self, first: Url) -> Result<(), SourceError> {
        let (mut queue, mut count) = (VecDeque::from([first.clone()]), 0);
        while let Some(url) = queue.pop_front().filter(|_| self.has_room) {
            let read = match self.read_sitemap(&url).await {
                Ok(read) => read,
                Err(reason) if url == first => return Err(SourceError::Site(format!("{url}: {reason}"))),
                // Its pages may still be there.
                Err(_) => Sitemap::default(),
            };
            if !read.is_complete {
                self.scan.fail(url.as_str());
                self.lose_track();
            }
            for (index, page) in read.pages.iter().enumerate() {
                let Ok(page) = url.join(page) else { continue };
                if self.place.holds(&page) {
                    self.enqueue(page, 0);
                } else {
                    self.scan.skip(page.as_str(), SkipReason::Outside);
                }
                if !self.has_room {
                    break;
                }
                if index % BREATH == BREATH - 1 {
                    yield_now().await;
                }
            }
            for next in read.sitemaps.iter().filter_map(|next| url.join(next).ok()) {
                count += 1;
                if !self.place.holds(&next) {
                    self.scan.skip(next.as_str(), SkipReason::Outside);
                } else if count < MAX_SITEMAPS {
                    queue.push_back(next);
                } else if self.scan.cut.is_none() {
                    self.scan.cut(Cut::Pages);
                }
            }
        }
        Ok(())
    }

    async fn read_sitemap(&mut self, url: &Url) -> Result<Sitemap, String> {
        self.ask_for_turn(url).await.map_err(Miss::reason)?;
        match self.read_to_the_end(url, MAX_SITEMAP_BYTES).await {
            Ok(Some(bytes)) => {
                let read = spawn_blocking(move || sitemap(&bytes)).await.map_err(|error| error.to_string())?;
                read.ok_or_else(|| Failure::TooLarge.reason())
            }
            Ok(None) => Err("it does not exist".to_owned()),
            Err(failure) => Err(failure.reason()),
        }
    }

    /// Why no more pages are requested.
    fn limit(&self) -> Option<Cut> {
        if self.requested >= self.max_pages {
            Some(Cut::Pages)
        } else if Instant::now() >= self.deadline {
            Some(Cut::Time)
        } else if self.failures >= MAX_FAILURES {
            Some(Cut::Failures)
        } else {
            None
        }
    }

    /// Queues a page that belongs to the place and was not seen yet, if there is room for it. A URL that is too long for a
    /// page is not remembered either.
    fn enqueue(&mut self, url: Url, depth: i32) {
        let (address, is_page) = page_url(url.as_str()).map_or((url, false), |address| (address, true));
        if address.as_str().len() > MAX_URL || !self.place.holds(&address) || !self.remember(&address) {
            return;
        }
        if !is_page {
            self.scan.skip(address.as_str(), SkipReason::InvalidName);
        } else if self.patterns.leave_out_tree(pattern_path(&address)) {
            self.scan.skip(address.as_str(), SkipReason::Excluded);
        } else if self.requested + self.queue.len() < self.max_pages {
            self.queue.push_back(Link { url: address, depth, hops: 0 });
        } else {
            self.refuse();
        }
    }

    /// Notes that a page was seen. Returns whether it is new, and there is room to remember it.
    fn remember(&mut self, url: &Url) -> bool {
        let digest: [u8; 32] = Sha256::digest(url.as_str()).into();
        if self.seen.contains(&digest) {
            return false;
        }
        if self.seen.len() >= self.max_pages.saturating_mul(SEEN_PER_PAGE) {
            self.refuse();
            return false;
        }
        self.seen.insert(digest)
    }

    /// There are more pages than can be requested.
    fn refuse(&mut self) {
        self.has_room = false;
        if self.scan.cut.is_none() {
            self.scan.cut(Cut::Pages);
        }
    }

    /// Requests a page. `None` if it leads to others only.
    async fn visit(&mut self, link: &Link) -> Result<Option<Visit>, Miss> {
        self.ask_for_turn(&link.url).await?;
        let uri = link.url.to_string();
        let known = self.known.get(&uri).cloned().unwrap_or_default();
        match self.get(&link.url, &known, self.max_bytes).await {
            Ok(Answer::Content(received)) => self.take(link, uri, received).await,
            Ok(Answer::Unmodified) => Ok(Some(Visit::Unmodified { uri })),
            Ok(Answer::Missing) => Err(Miss::Skip(SkipReason::Missing, "it does not exist".to_owned())),
            Ok(Answer::Redirect { target, is_final }) => {
                self.redirect(link, &target)?;
                if is_final || !self.known.contains_key(&uri) {
                    return Ok(None);
                }
                self.scan.unread.push(uri.clone());
                Ok(Some(Visit::Failed { uri }))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn take(&mut self, link: &Link, uri: String, received: Received) -> Result<Option<Visit>, Miss> {
        let Received { bytes, content_type, validators } = received;
        if is_no_text(content_type.as_deref()) {
            return Err(Miss::Skip(SkipReason::NotText, "it has no text".to_owned()));
        }
        self.follow(&bytes).await;
        if self.patterns.leave_out_file(pattern_path(&link.url)) {
            self.scan.skip(&uri, SkipReason::Excluded);
            return Ok(None);
        }
        let file_name = file_name(&link.url, content_type.as_deref());
        Ok(Some(Visit::Read(Page { uri, file_name, content_type, validators, bytes })))
    }

    /// The target is a page of its own, which is requested next.
    fn redirect(&mut self, link: &Link, target: &Url) -> Result<(), Miss> {
        let outside =
            || Miss::Skip(SkipReason::Outside, format!("it leads to {target}, which is not part of the source"));
        let target = page_url(target.as_str()).map_err(|_| outside())?;
        if link.hops >= MAX_HOPS {
            return Err(Miss::Skip(SkipReason::Outside, "it leads to too many others".to_owned()));
        }
        if !self.place.holds(&target) {
            return Err(outside());
        }
        self.place.moved(&link.url, &target);
        if self.remember(&target) && !self.patterns.leave_out_tree(pattern_path(&target)) {
            self.queue.push_front(Link { url: target, depth: link.depth, hops: link.hops + 1 });
        }
        Ok(())
    }

    /// Waits until a URL may be requested: its host has an address that it may have, allows it, and had a pause.
    async fn ask_for_turn(&mut self, url: &Url) -> Result<(), Miss> {
        let origin = url.origin().ascii_serialization();
        if !self.hosts.contains_key(&origin) {
            let rules = self.read_rules(url).await;
            let delay =
                if let Rules::Robots(robots) = &rules { robots.delay.unwrap_or_default() } else { Duration::ZERO };
            let period = self.pace.max(delay);
            // The first turn comes a pause after the rules were read.
            let mut pace = interval_at(Instant::now() + period, period);
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
            self.hosts.insert(origin.clone(), Host { rules, pace });
        }
        let Some(host) = self.hosts.get_mut(&origin) else { return Ok(()) };
        match &host.rules {
            Rules::Internal => return Err(Failure::Internal.into()),
            Rules::Unknown(reason) => return Err(Miss::Failed(format!("its robots.txt can't be read: {reason}"))),
            Rules::Robots(robots) if !robots.allows(&url[Position::BeforePath..]) => {
                let reason = "the site asks programs not to read it (robots.txt)".to_owned();
                return Err(Miss::Skip(SkipReason::Robots, reason));
            }
            Rules::Robots(_) => {}
        }
        timeout_at(self.deadline, host.pace.tick()).await.map(drop).map_err(|_| Miss::out_of_time())
    }

    async fn read_rules(&self, url: &Url) -> Rules {
        let Ok(address) = url.join("/robots.txt") else { return Rules::Unknown("it has no address".to_owned()) };
        match self.read_to_the_end(&address, MAX_ROBOTS_BYTES).await {
            Ok(Some(text)) => Rules::Robots(Robots::parse(&text, PROGRAM)),
            Ok(None) | Err(Failure::Refused(_)) => Rules::Robots(Robots::default()),
            Err(Failure::Internal) => Rules::Internal,
            Err(failure) => Rules::Unknown(failure.reason()),
        }
    }

    /// Reads a file that is no page, wherever redirects lead to. `None` if it does not exist.
    async fn read_to_the_end(&self, url: &Url, limit: u64) -> Result<Option<Bytes>, Failure> {
        let mut url = url.clone();
        for _ in 0..=MAX_HOPS {
            match self.get(&url, &Validators::default(), limit).await? {
                Answer::Content(received) => return Ok(Some(received.bytes)),
                Answer::Redirect { target, .. } => {
                    url = page_url(target.as_str())
                        .map_err(|error| Failure::Temporary(format!("it leads to {target}: {error}"), None))?;
                }
                Answer::Missing | Answer::Unmodified => return Ok(None),
            }
        }
        Err(Failure::Temporary("it leads to too many others".to_owned(), None))
    }

    /// Requests a URL, more than once if that may help.
    async fn get(&self, url: &Url, known: &Validators, limit: u64) -> Result<Answer, Failure> {
        let mut attempt = 1;
        loop {
            match self.client.get(url, known, limit).await {
                Err(Failure::Temporary(reason, after)) => {
                    let pause = after.unwrap_or_default().max(PAUSE * 2_u32.pow(attempt - 1)).min(MAX_PAUSE);
                    if attempt == ATTEMPTS || Instant::now() + pause >= self.deadline {
                        return Err(Failure::Temporary(reason, after));
                    }
                    sleep(pause).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

impl Miss {
    fn out_of_time() -> Self {
        Self::Failed("the time for this source is over".to_owned())
    }

    fn reason(self) -> String {
        let (Self::Skip(_, reason) | Self::Failed(reason)) = self;
        reason
    }
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        let reason = failure.reason();
        match failure {
            Failure::Internal => Self::Skip(SkipReason::InternalAddress, reason),
            Failure::TooLarge => Self::Skip(SkipReason::TooLarge, reason),
            // Who may not read a page now may do so later.
            Failure::Refused(_) | Failure::Temporary(..) => Self::Failed(reason),
        }
    }
}

/// What the patterns of a place are compared with.
fn pattern_path(url: &Url) -> &str {
    url.path().trim_start_matches('/')
}
