//! Passwords and tokens, without accounts.

use std::{
    collections::HashSet,
    path::Path,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use docent::{
    auth::{
        password::{PasswordHasher, check_password},
        token::{AccessClaims, KeyRing, RefreshToken, TokenError, TokenSigner, load_or_create_keys, rotate_key},
    },
    domain::id::{SessionId, UserId},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

const SECRET: &[u8] = b"a secret of at least thirty-two characters";

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap()
}

fn signer() -> TokenSigner {
    TokenSigner::new(&KeyRing::from(SECRET), TimeDelta::minutes(15))
}

/// A good token and what it says.
fn issued() -> (String, AccessClaims) {
    let (user, session) = (UserId::generate(), SessionId::generate());
    let (token, expires_at) = signer().issue(user, session, noon()).unwrap();
    (token, AccessClaims { user, session, expires_at })
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// A good token with its header and claims changed, signed again with our own key.
fn forged(change: impl FnOnce(&mut Header, &mut Value)) -> String {
    let (token, _) = issued();
    let mut header = serde_json::from_value(part(&token, 0)).unwrap();
    let mut claims = part(&token, 1);
    change(&mut header, &mut claims);
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn an_access_token_says_who_and_until_when() {
    let (token, claims) = issued();
    assert_eq!(claims.expires_at, noon() + TimeDelta::minutes(15));
    assert_eq!(signer().verify(&token, noon()), Ok(claims));
    let header = part(&token, 0);
    assert_eq!((&header["alg"], &header["typ"]), (&json!("HS256"), &json!("at+jwt")));
    assert_eq!(header["kid"].as_str().unwrap().len(), 8);
    assert_eq!((&part(&token, 1)["iss"], &part(&token, 1)["aud"]), (&json!("docent"), &json!("docent-api")));
}

#[test]
fn the_end_of_a_token_is_the_same_in_the_answer_and_in_the_token() {
    let now = noon() + TimeDelta::microseconds(999_999);
    let (token, expires_at) = signer().issue(UserId::generate(), SessionId::generate(), now).unwrap();
    assert_eq!(signer().verify(&token, now).unwrap().expires_at, expires_at);
    assert!(expires_at <= now + TimeDelta::minutes(15));
}

#[test]
fn a_token_ends_by_the_clock_that_is_passed_in() {
    let (token, claims) = issued();
    let last = claims.expires_at - TimeDelta::microseconds(1);
    assert_eq!(signer().verify(&token, last), Ok(claims));
    assert_eq!(signer().verify(&token, claims.expires_at), Err(TokenError::Expired));
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let (token, _) = issued();
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let mut header = part(&token, 0);
        header["alg"] = json!(algorithm);
        let forged = unsigned(&header, &part(&token, 1));
        assert_eq!(signer().verify(&forged, noon()), Err(TokenError::Invalid), "{algorithm}");
    }
    let stripped = token.rsplit_once('.').unwrap().0;
    assert_eq!(signer().verify(stripped, noon()), Err(TokenError::Invalid));
    assert_eq!(signer().verify(&format!("{stripped}."), noon()), Err(TokenError::Invalid));
}

#[test]
fn a_token_of_another_algorithm_is_refused() {
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let forged = forged(|header, _| header.alg = algorithm);
        assert_eq!(signer().verify(&forged, noon()), Err(TokenError::Invalid), "{algorithm:?}");
    }
    // The signature is right for HS256, but the header claims a public-key algorithm.
    let (token, _) = issued();
    for algorithm in ["RS256", "PS256", "ES256", "EdDSA"] {
        let mut header = part(&token, 0);
        header["alg"] = json!(algorithm);
        let message = unsigned(&header, &part(&token, 1));
        let message = message.trim_end_matches('.');
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256)
                .unwrap();
        let forged = format!("{message}.{signature}");
        assert_eq!(signer().verify(&forged, noon()), Err(TokenError::Invalid), "{algorithm}");
    }
}

#[test]
fn a_token_that_was_not_forged_passes_so_that_the_forgeries_fail_for_their_reason() {
    assert!(signer().verify(&forged(|_, _| ()), noon()).is_ok());
}

#[test]
fn a_token_for_something_else_is_refused() {
    let forgeries = [
        forged(|header, _| header.typ = Some("JWT".into())),
        forged(|header, _| header.typ = None),
        forged(|header, _| header.kid = Some("00000000".into())),
        forged(|header, _| header.kid = None),
        forged(|_, claims| claims["iss"] = json!("somebody")),
        forged(|_, claims| claims["aud"] = json!("another-api")),
        forged(|_, claims| claims["aud"] = json!(["another-api", "docent-api"])),
        forged(|_, claims| claims["sub"] = json!("nobody")),
        forged(|_, claims| claims["exp"] = json!("tomorrow")),
        forged(|_, claims| claims["exp"] = json!(i64::MAX)),
    ];
    for (index, token) in forgeries.iter().enumerate() {
        assert_eq!(signer().verify(token, noon()), Err(TokenError::Invalid), "forgery {index}");
    }
    for claim in ["iss", "aud", "sub", "sid", "exp"] {
        let token = forged(|_, claims| _ = claims.as_object_mut().unwrap().remove(claim));
        assert_eq!(signer().verify(&token, noon()), Err(TokenError::Invalid), "without {claim}");
    }
}

#[test]
fn a_token_that_was_tampered_with_is_refused() {
    let (token, _) = issued();
    let mut claims = part(&token, 1);
    claims["sub"] = json!(UserId::generate());
    let parts: Vec<_> = token.split('.').collect();
    let tampered = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    assert_eq!(signer().verify(&tampered, noon()), Err(TokenError::Invalid));
    for text in ["", ".", "..", "a.b.c", "ä", &token[1..], &token[..token.len() - 1], &format!("{token}.x")] {
        assert_eq!(signer().verify(text, noon()), Err(TokenError::Invalid), "{text}");
    }
}

#[test]
fn a_token_of_another_key_is_refused_even_when_it_has_expired() {
    let other =
        TokenSigner::new(&KeyRing::from(&b"another secret of thirty-two characters"[..]), TimeDelta::minutes(15));
    let (token, claims) = issued();
    assert_eq!(other.verify(&token, noon()), Err(TokenError::Invalid));
    assert_eq!(other.verify(&token, claims.expires_at), Err(TokenError::Invalid));
}

#[test]
fn refresh_tokens_are_random_and_are_read_back_strictly() {
    let tokens: HashSet<String> = (0..1000).map(|_| RefreshToken::generate().expose().to_owned()).collect();
    assert_eq!(tokens.len(), 1000);
    let token = RefreshToken::generate();
    let text = token.expose();
    assert_eq!(text.len(), 64);
    assert_eq!(text.parse::<RefreshToken>().unwrap(), token);
    // One from before there were families. The last of its 43 characters carries four bits; with others set, two texts
    // would be one token.
    let earlier = &text[..42];
    assert!(format!("{earlier}A").parse::<RefreshToken>().is_ok());
    let wrong = [
        String::new(),
        earlier.to_owned(),
        format!("{text}A"),
        format!("{text}="),
        format!(" {text}"),
        format!("{earlier}B"),
        format!("{earlier}+"),
        "A".repeat(44),
    ];
    for text in wrong {
        assert_eq!(text.parse::<RefreshToken>().err(), Some(TokenError::Invalid), "{text}");
    }
}

#[test]
fn the_digest_of_a_refresh_token_is_its_sha_256() {
    let token: RefreshToken = "A".repeat(43).parse().unwrap();
    assert_eq!(token.digest(), "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a");
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let token = RefreshToken::generate();
    let hasher = PasswordHasher::new(1).unwrap();
    let shown = format!("{token:?} {:?} {hasher:?}", signer());
    assert!(!shown.contains(token.expose()) && !shown.contains("secret of") && !shown.contains("argon2"), "{shown}");
}

#[test]
fn the_signing_key_is_made_once_and_kept_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("signing.key");
    // Left by a start that was killed.
    std::fs::write(directory.path().join("signing.unfinished"), "half").unwrap();

    let load = |path: &Path| load_or_create_keys(None, &[], path).unwrap().current;
    let made = load(directory.path());
    assert_eq!(made.len(), 32);
    assert_eq!(std::fs::read(&path).unwrap(), made);
    assert_eq!(load(directory.path()), made);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let another = tempfile::tempdir().unwrap();
    assert_ne!(load(another.path()), made);
}

#[test]
fn a_rotated_key_signs_new_tokens_and_the_one_before_it_still_checks_old_ones() {
    let directory = tempfile::tempdir().unwrap();
    let signer = || {
        let keys = load_or_create_keys(None, &[], directory.path()).unwrap();
        TokenSigner::new(&keys, TimeDelta::minutes(15))
    };
    let (user, session) = (UserId::generate(), SessionId::generate());
    let token = |signer: &TokenSigner| signer.issue(user, session, noon()).unwrap().0;
    let first = token(&signer());

    rotate_key(directory.path()).unwrap();
    let second = token(&signer());
    assert_ne!(part(&first, 0)["kid"], part(&second, 0)["kid"]);
    for good in [&first, &second] {
        assert_eq!(signer().verify(good, noon()).unwrap().session, session);
    }

    // A key that was replaced twice is over.
    rotate_key(directory.path()).unwrap();
    assert_eq!(signer().verify(&first, noon()), Err(TokenError::Invalid));
    assert!(signer().verify(&second, noon()).is_ok());
}

#[test]
fn a_refresh_token_has_one_successor_for_each_salt() {
    let (token, other) = (RefreshToken::generate(), RefreshToken::generate());
    let salt = RefreshToken::salt();
    assert_eq!(token.successor(&salt), token.successor(&salt));
    assert_ne!(token.successor(&salt), token.successor(&RefreshToken::salt()));
    assert_ne!(token.successor(&salt), other.successor(&salt));
    let text = token.successor(&salt).expose().to_owned();
    assert_eq!(text.parse::<RefreshToken>().unwrap().expose(), text);
}

#[test]
fn all_tokens_of_a_login_are_of_one_family_also_those_that_follow_from_a_token_without() {
    let token = RefreshToken::generate();
    let next = token.successor(&RefreshToken::salt());
    assert_eq!(token.names().family, next.names().family);
    assert_ne!(token.names().family, RefreshToken::generate().names().family);
    let earlier: RefreshToken = "A".repeat(43).parse().unwrap();
    assert_eq!(earlier.names().family, None);
    let next = earlier.successor("salt");
    assert_eq!(next, earlier.successor("salt"));
    assert_eq!(next.names().family, next.successor("salt").names().family);
    assert!(next.names().family.is_some());
}

#[test]
fn passwords_that_are_tried_first_are_refused() {
    for common in ["password", "12345678", "iloveyou", "PassWord1", "qwertyuiop"] {
        let sentence = check_password(common).unwrap_err();
        assert_eq!(sentence, "This password is too common. Choose another.", "{common}");
    }
    assert!(check_password("correct horse battery staple").is_ok());
}

#[test]
fn a_configured_signing_secret_needs_no_file() {
    let keys = load_or_create_keys(Some("configured"), &["before".to_owned()], Path::new("/nowhere")).unwrap();
    assert_eq!(keys, KeyRing { current: b"configured".to_vec(), previous: vec![b"before".to_vec()] });
}

#[test]
fn a_damaged_signing_key_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("signing.key"), "").unwrap();
    let error = load_or_create_keys(None, &[], directory.path()).unwrap_err();
    assert!(error.to_string().contains("it holds 0 bytes, not 32"), "{error}");
}

#[test]
fn passwords_have_8_to_128_characters() {
    assert!(check_password("1234567").is_err());
    assert!(check_password("1234567z").is_ok());
    assert!(check_password("ÄÖÜäöüßé").is_ok());
    assert!(check_password(&"ä".repeat(128)).is_ok());
    let sentence = check_password(&"a".repeat(129)).unwrap_err();
    assert_eq!(sentence, "Choose a password of 8 to 128 characters.");
}

#[tokio::test]
async fn a_password_is_recognised_by_its_hash() {
    let hasher = PasswordHasher::new(2).unwrap();
    let hash = hasher.hash("correct horse").await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hasher.hash("correct horse").await.unwrap(), hash, "the salt is new each time");
    assert!(hasher.verify("correct horse", Some(&hash)).await);
    assert!(!hasher.verify("battery staple", Some(&hash)).await);
    assert!(!hasher.verify("correct horse", Some("not a hash")).await);
}

#[tokio::test]
async fn an_unknown_user_has_no_password_but_costs_a_hash() {
    let hasher = PasswordHasher::new(1).unwrap();
    for password in ["", "correct horse"] {
        let start = Instant::now();
        assert!(!hasher.verify(password, None).await);
        // No machine goes through 19 MiB twice in less; an answer without a hash takes microseconds.
        assert!(start.elapsed() > Duration::from_millis(2), "{:?}", start.elapsed());
    }
}

#[test]
fn a_caller_who_leaves_keeps_their_slot_until_their_hash_is_done() {
    // With one thread for blocking work, such work is done in the order in which it was begun.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.max_blocking_threads(1).build().unwrap().block_on(async {
        let hasher = PasswordHasher::new(1).unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let blocker = tokio::task::spawn_blocking(move || released.recv());

        let mut first = Box::pin(hasher.hash("correct horse"));
        assert!(futures_util::poll!(&mut first).is_pending());
        drop(first);
        let mut second = Box::pin(hasher.hash("battery staple"));
        assert!(futures_util::poll!(&mut second).is_pending());
        release.send(()).unwrap();
        blocker.await.unwrap().unwrap();
        // Everything that was begun until now is done after this.
        tokio::task::spawn_blocking(|| ()).await.unwrap();

        assert!(futures_util::poll!(&mut second).is_pending(), "the second hash began beside the first");
        assert!(second.await.is_ok());
    });
}
