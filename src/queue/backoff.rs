//! How long to wait before a job is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
const LONGEST_OF_ALL: Duration = Duration::from_hours(1);

/// 1, 2, 4, 8 … seconds after the first, second … attempt, at most a minute, plus or minus a quarter.
#[must_use]
pub fn pause(attempts: i32) -> Duration {
    doubled(attempts, LONGEST)
}

/// The same up to an hour, after so many delays: for what is wrong in the server itself.
pub(super) fn long_pause(delays: i32) -> Duration {
    doubled(delays.saturating_add(1), LONGEST_OF_ALL)
}

fn doubled(attempts: i32, longest: Duration) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(16);
    let pause = FIRST.saturating_mul(1 << doublings).min(longest);
    pause.mul_f64(rand::random_range(0.75..1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_stay_within_a_quarter_of_the_longest() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (7, 60.0), (1000, 60.0)] {
            let pause = pause(attempts).as_secs_f64();
            assert!((seconds * 0.75..=seconds * 1.25).contains(&pause), "attempt {attempts}: {pause}");
        }
        assert!(long_pause(1000) >= Duration::from_mins(45));
    }
}
