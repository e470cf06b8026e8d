//! Fewer points of a line that looks the same.
//!
//! Of each of the columns the first, last, lowest and highest point are kept: no peak is lost, and within a column of
//! one pixel a line covers what the whole line would. (Jugel, Jerzak, Hackenbroich, Markl, "M4: a visualization-oriented
//! time series data aggregation", 2014.)

/// The points to keep, in order; `points` ascend in x.
pub(super) fn thin(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    let (Some(&(low, _)), Some(&(high, _))) = (points.first(), points.last()) else { return Vec::new() };
    if points.len() <= 4 * columns || high <= low {
        return points.to_vec();
    }
    let column = |x: f64| (((x - low) / (high - low) * columns as f64) as usize).min(columns - 1);
    let mut kept = Vec::with_capacity(4 * columns);
    for chunk in points.chunk_by(|a, b| column(a.0) == column(b.0)) {
        let by_y = |&a: &usize, &b: &usize| chunk[a].1.total_cmp(&chunk[b].1);
        let lowest = (0..chunk.len()).min_by(by_y).expect("chunks are not empty");
        let highest = (0..chunk.len()).max_by(by_y).expect("chunks are not empty");
        let mut four = [0, lowest, highest, chunk.len() - 1];
        four.sort_unstable();
        kept.extend(
            four.iter().enumerate().filter(|&(i, at)| i == 0 || four[i - 1] != *at).map(|(_, &at)| chunk[at]),
        );
    }
    kept
}

/// The mean of `window` neighbours of each point, fewer at the ends: of as many to the left as to the right.
pub(super) fn running_mean(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let mut sums = vec![0.0];
    for (i, (_, y)) in points.iter().enumerate() {
        sums.push(sums[i] + y);
    }
    let half = window / 2;
    let mean = |i: usize| {
        let reach = half.min(i).min(points.len() - 1 - i);
        (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1) as f64
    };
    points.iter().enumerate().map(|(i, &(x, _))| (x, mean(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_of_one_point_among_a_million_is_kept() {
        let mut points: Vec<_> = (0..1_000_000).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        points[123_457].1 = 1e6;
        points[654_321].1 = -1e6;
        let kept = thin(&points, 300);
        assert!(kept.len() <= 1_200);
        assert!(kept.contains(&(123_457.0, 1e6)) && kept.contains(&(654_321.0, -1e6)));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points = [(1.0, 2.0), (2.0, 1.0)];
        assert_eq!(thin(&points, 300), points);
        assert_eq!(thin(&[], 300), []);
    }

    #[test]
    fn the_running_mean_of_a_straight_line_is_the_line() {
        let line: Vec<_> = (0..50).map(|i| (f64::from(i), 3.0 * f64::from(i))).collect();
        for ((_, mean), (_, y)) in running_mean(&line, 9).into_iter().zip(line) {
            assert!((mean - y).abs() < 1e-12);
        }
    }
}
