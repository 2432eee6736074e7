package import Compute

/// Maps resized by linear interpolation between the centres of pixels, edges repeated; shrinking averages nothing.
package enum BilinearResizing {
    package static func resized(_ input: Tensor, height: Int, width: Int, in workspace: Workspace) -> Tensor {
        let output = workspace.tensor(batch: input.batch, height: height, width: width, channels: input.channels)
        let rows = taps(from: input.height, to: height)
        let columns = taps(from: input.width, to: width)
        let channels = input.channels
        workspace.team.run(input.batch * height) { item, _ in
            let (sample, y) = item.quotientAndRemainder(dividingBy: height)
            let above = input.sample(sample) + rows[y].first * input.width * channels
            let below = input.sample(sample) + rows[y].second * input.width * channels
            var target = output.sample(sample) + y * width * channels
            for tap in columns {
                let (left, right) = (tap.first * channels, tap.second * channels)
                for channel in 0..<channels {
                    let upper = above[left + channel] + (above[right + channel] - above[left + channel]) * tap.share
                    let lower = below[left + channel] + (below[right + channel] - below[left + channel]) * tap.share
                    target[channel] = upper + (lower - upper) * rows[y].share
                }
                target += channels
            }
        }
        return output
    }

    /// Two neighbours, and how much of the second.
    private struct Tap {
        let first: Int
        let second: Int
        let share: Float
    }

    private static func taps(from size: Int, to count: Int) -> [Tap] {
        (0..<count).map { index in
            let place = max(0, (Float(index) + 0.5) * Float(size) / Float(count) - 0.5)
            let first = min(Int(place), size - 1)
            return Tap(first: first, second: min(first + 1, size - 1), share: place - Float(first))
        }
    }
}
