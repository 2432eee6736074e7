package import Compute

extension Workspace {
    /// Adds a tensor to another of the same shape, in its place.
    package func add(_ addend: Tensor, to state: Tensor) {
        precondition(addend.count == state.count)
        metered(.init("sum \(state.channels)", of: state)) {
            forEachRun(of: state.count) { run in
                let (target, source) = (state.base + run.lowerBound, addend.base + run.lowerBound)
                for index in 0..<run.count { target[index] += source[index] }
            }
        }
    }

    /// Adds a vector to each pixel of a sample.
    ///
    /// - Parameter vectors: one a sample, as many values as `state` has channels.
    package func add(vectors: Tensor, to state: Tensor) {
        precondition(vectors.count == state.batch * state.channels)
        let (width, chunk) = (state.channels, 256)
        let chunks = (state.pixels + chunk - 1) / chunk
        metered(.init("sum \(width)", of: state)) {
            team.run(state.batch * chunks) { item, _ in
                let (sample, place) = item.quotientAndRemainder(dividingBy: chunks)
                let vector = vectors.base + sample * width
                for pixel in place * chunk..<min(state.pixels, (place + 1) * chunk) {
                    let row = state.sample(sample) + pixel * width
                    for channel in 0..<width { row[channel] += vector[channel] }
                }
            }
        }
    }

    private func forEachRun(of count: Int, _ body: (Range<Int>) -> Void) {
        let length = 16 << 10
        team.run((count + length - 1) / length) { item, _ in body(item * length..<min(count, (item + 1) * length)) }
    }
}
