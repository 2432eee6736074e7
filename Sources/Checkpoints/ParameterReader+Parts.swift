import Synchronization

/// Parts of a network, built at the same time where the reader has threads for that, else one after the other.
extension ParameterReader {
    /// A part for each number in `0..<count`, in their order.
    ///
    /// - Throws: the error of the first part that has one.
    package func map<Part: Sendable>(
        _ count: Int, _ build: @Sendable (Int) throws(CheckpointError) -> Part
    ) throws(CheckpointError) -> [Part] {
        guard let loop, count > 1 else {
            var parts: [Part] = []
            for index in 0..<count { parts.append(try build(index)) }
            return parts
        }
        let outcomes = Mutex([Result<Part, CheckpointError>?](repeating: nil, count: count))
        loop(count) { index in
            let outcome = Self.outcome { () throws(CheckpointError) in try build(index) }
            outcomes.withLock { $0[index] = outcome }
        }
        var parts: [Part] = []
        for case let outcome? in outcomes.withLock({ $0 }) { parts.append(try outcome.get()) }
        return parts
    }

    /// Both parts.
    ///
    /// - Throws: the error of the first one that has one.
    package func both<First: Sendable, Second: Sendable>(
        _ first: @Sendable () throws(CheckpointError) -> First, _ second: @Sendable () throws(CheckpointError) -> Second
    ) throws(CheckpointError) -> (First, Second) {
        guard let loop else { return (try first(), try second()) }
        let outcomes = Mutex<(Result<First, CheckpointError>?, Result<Second, CheckpointError>?)>((nil, nil))
        loop(2) { index in
            if index == 0 {
                let outcome = Self.outcome(first)
                outcomes.withLock { $0.0 = outcome }
            } else {
                let outcome = Self.outcome(second)
                outcomes.withLock { $0.1 = outcome }
            }
        }
        guard case (let first?, let second?) = outcomes.withLock({ $0 }) else {
            // A fault of whoever made the loop; there is nothing to give back.
            preconditionFailure("a loop that left out an item")
        }
        return (try first.get(), try second.get())
    }

    private static func outcome<Part>(
        _ build: () throws(CheckpointError) -> Part
    ) -> Result<Part, CheckpointError> {
        do throws(CheckpointError) {
            return .success(try build())
        } catch {
            return .failure(error)
        }
    }
}
