//! One request to an endpoint, and what its answer means. Neither texts nor the key are ever part of an error.

use std::time::Duration;

use reqwest::{
    Client, Response, StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};
use serde::{Deserialize, Serialize};

/// Bytes of one number of an answer at most, with what is around it.
const NUMBER_BYTES: usize = 32;

/// Bytes of an answer besides its numbers.
const REST_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) input: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_type: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: usize,
    embedding: Vec<f32>,
}

/// Why a request brought no vectors.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Another request may succeed.
    #[error("the endpoint does not answer")]
    Away(#[source] reqwest::Error),
    #[error("the endpoint answered {status}")]
    Busy { status: StatusCode, after: Option<Duration> },
    /// What the operator has to mend: the key, the URL, the name of the model.
    #[error("the endpoint answered {status}: check its URL, key and model name")]
    Denied { status: StatusCode },
    /// It does not take these texts.
    #[error("the endpoint refused the texts with {status}")]
    Refused { status: StatusCode },
    #[error("the answer of the endpoint is not what it should be: {0}")]
    Odd(String),
    #[error("the endpoint kept failing and is left alone for a moment")]
    LeftAlone,
}

impl Fault {
    /// Whether to try again at once, and after which time the endpoint wants that.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Busy { .. })
    }

    /// The pause that the endpoint asked for.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Self::Busy { after, .. } => *after,
            _ => None,
        }
    }

    /// Whether other texts fare no better.
    pub(super) fn is_of_endpoint(&self) -> bool {
        match self {
            Self::Away(_) | Self::Busy { .. } | Self::Denied { .. } | Self::LeftAlone => true,
            Self::Refused { .. } | Self::Odd(_) => false,
        }
    }
}

/// Asks for the vectors of some texts, in their order, each with length 1.
pub(super) async fn embed(
    client: &Client,
    url: &str,
    key: Option<&str>,
    asked: &Asked<'_>,
    dimension: usize,
    timeout: Duration,
) -> Result<Vec<Vec<f32>>, Fault> {
    let mut request = client.post(url).timeout(timeout).json(asked);
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    let away = |error: reqwest::Error| Fault::Away(error.without_url());
    let response = request.send().await.map_err(away)?;
    check(&response)?;
    let most = asked.input.len() * dimension * NUMBER_BYTES + REST_BYTES;
    let body = read(response, most).await?;
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| Fault::Odd(error.to_string()))?;
    in_order(answer.data, asked.input.len(), dimension)
}

fn check(response: &Response) -> Result<(), Fault> {
    let status = response.status();
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Err(Fault::Busy { status, after: retry_after(response.headers()) })
        }
        status if status.is_server_error() => Err(Fault::Busy { status, after: retry_after(response.headers()) }),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Fault::Refused { status })
        }
        status => Err(Fault::Denied { status }),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| Fault::Away(error.without_url()))? {
        if body.len() + piece.len() > most {
            return Err(Fault::Odd(format!("it has more than {most} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The vectors in the order of the texts.
fn in_order(data: Vec<Embedding>, texts: usize, dimension: usize) -> Result<Vec<Vec<f32>>, Fault> {
    if data.len() != texts {
        return Err(Fault::Odd(format!("it has {} vectors for {texts} texts", data.len())));
    }
    let mut vectors = vec![Vec::new(); texts];
    for Embedding { index, embedding } in data {
        if embedding.len() != dimension {
            let found = embedding.len();
            return Err(Fault::Odd(format!("a vector has {found} numbers, and the settings say {dimension}")));
        }
        let place = vectors.get_mut(index).filter(|place| place.is_empty());
        let Some(place) = place else { return Err(Fault::Odd(format!("index {index} is wrong"))) };
        *place = with_length_one(embedding)?;
    }
    Ok(vectors)
}

fn with_length_one(mut vector: Vec<f32>) -> Result<Vec<f32>, Fault> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(Fault::Odd("a vector has no direction".into()));
    }
    for number in &mut vector {
        *number /= length;
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(index: usize, embedding: &[f32]) -> Embedding {
        Embedding { index, embedding: embedding.to_vec() }
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts_with_length_one() {
        let data = vec![embedding(1, &[0.0, 2.0]), embedding(0, &[3.0, 4.0])];
        assert_eq!(in_order(data, 2, 2).unwrap(), [vec![0.6, 0.8], vec![0.0, 1.0]]);
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused() {
        for (data, texts) in [
            (vec![embedding(0, &[1.0, 0.0])], 2),
            (vec![embedding(0, &[1.0])], 1),
            (vec![embedding(1, &[1.0, 0.0])], 1),
            (vec![embedding(0, &[1.0, 0.0]), embedding(0, &[1.0, 0.0])], 2),
            (vec![embedding(0, &[0.0, 0.0])], 1),
            (vec![embedding(0, &[f32::NAN, 0.0])], 1),
        ] {
            assert!(matches!(in_order(data, texts, 2), Err(Fault::Odd(_))));
        }
    }
}
