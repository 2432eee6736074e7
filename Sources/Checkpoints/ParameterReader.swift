import Synchronization

/// Hands out parameters to a network and keeps account, so that nothing is missing, surplus or mis-shaped unnoticed.
///
/// A network takes everything it needs, level by level through `scope`, and the loader calls `finish` at the end.
/// Copies share one account, also on several threads.
package struct ParameterReader: Sendable {
    private let dictionary: StateDict
    private let prefix: String
    /// How parts of a network are shared out among threads; nil for one after the other.
    let loop: ParallelLoop?
    private let account: Account
    /// What layers pack their weights for.
    package let precision: Precision
    /// Whether in bf16 weights take 16 bits even where products are computed in fp32.
    package let storesHalves: Bool

    /// Shares a loop's items out among threads, and returns when all are done. An item may be such a loop itself.
    package typealias ParallelLoop = @Sendable (_ count: Int, _ body: @Sendable (_ item: Int) -> Void) -> Void

    private final class Account: Sendable {
        let state = Mutex(State())

        struct State: Sendable {
            var used: Set<String> = []
            var ignoredPrefixes: [String] = []
            var missing: [String] = []
            var misshaped: [ParameterMismatch.Misshaped] = []
            /// Numbers that zeros stand in for.
            var standIns = 0
        }
    }

    /// The most numbers that zeros stand in for: a file of a network of quite another size must not be answered with
    /// gigabytes of them.
    package static let standInLimit = 1 << 24

    /// - Parameters:
    ///   - prefix: put before every name that is asked for, such as `clip.visual.`.
    ///   - precision: what layers pack their weights for.
    ///   - loop: shares parts of a network out among threads. The order of names in errors is then by chance.
    package init(
        _ dictionary: StateDict, prefix: String = "", precision: Precision = .fp32, sharedBy loop: ParallelLoop? = nil
    ) {
        self.init(dictionary, prefix, precision, false, loop, Account())
    }

    private init(
        _ dictionary: StateDict, _ prefix: String, _ precision: Precision, _ storesHalves: Bool, _ loop: ParallelLoop?,
        _ account: Account
    ) {
        self.dictionary = dictionary
        self.prefix = prefix
        self.precision = precision
        self.storesHalves = storesHalves
        self.loop = loop
        self.account = account
    }

    /// What the file's header says beside its tensors.
    package var metadata: [String: String] { dictionary.metadata }

    /// A reader of the names that begin with this component and a dot.
    package func scope(_ component: String) -> ParameterReader {
        ParameterReader(dictionary, prefix + component + ".", precision, storesHalves, loop, account)
    }

    /// A reader of the same names for layers that keep fp32.
    package var inFull: ParameterReader { ParameterReader(dictionary, prefix, .fp32, false, loop, account) }

    /// A reader of the same names for a large network: in bf16 all weights of its layers take 16 bits.
    package var inHalves: ParameterReader { ParameterReader(dictionary, prefix, precision, true, loop, account) }

    /// The parameter's numbers in row-major order. One that is missing or has another shape is noted for `finish`,
    /// and zeros stand in for it.
    ///
    /// - Throws: one `mismatch` with all that was noted so far, where that would be too many zeros.
    package func take(_ name: String, _ shape: [Int]) throws(CheckpointError) -> [Float] {
        let tensor = try takeStored(name, shape)
        // Packed weights stand beside what they were made of for no longer than that takes.
        defer { tensor.leaveMemory() }
        return tensor.floats()
    }

    /// Nil where there is no such parameter; one that has another shape is noted, and zeros stand in for it.
    ///
    /// - Throws: as `take`.
    package func takeIfPresent(_ name: String, _ shape: [Int]) throws(CheckpointError) -> [Float]? {
        guard let tensor = try takeStoredIfPresent(name, shape) else { return nil }
        defer { tensor.leaveMemory() }
        return tensor.floats()
    }

    /// As `take`, with the numbers still in the file: for large weights, of which a whole copy would be a waste.
    ///
    /// - Throws: as `take`.
    package func takeStored(_ name: String, _ shape: [Int]) throws(CheckpointError) -> StoredTensor {
        if let tensor = try takeStoredIfPresent(name, shape) { return tensor }
        account.state.withLock { $0.missing.append(prefix + name) }
        return StoredTensor(try standIn(shape), shape: shape)
    }

    private func takeStoredIfPresent(_ name: String, _ shape: [Int]) throws(CheckpointError) -> StoredTensor? {
        guard let tensor = dictionary[prefix + name] else { return nil }
        account.state.withLock { state in
            state.used.insert(prefix + name)
            guard tensor.shape != shape else { return }
            state.misshaped.append(.init(name: prefix + name, expected: shape, found: tensor.shape))
        }
        guard tensor.shape == shape else { return StoredTensor(try standIn(shape), shape: shape) }
        return tensor
    }

    /// Whether there is such a parameter; asking doesn't count as taking it.
    package func contains(_ name: String) -> Bool { dictionary[prefix + name] != nil }

    /// The shape of a parameter; nil where there is none. Asking doesn't count as taking it.
    package func shape(of name: String) -> [Int]? { dictionary[prefix + name]?.shape }

    /// Sees that a parameter is there, of whatever shape, which nothing is computed with.
    package func acknowledge(_ name: String) {
        let isThere = contains(name)
        account.state.withLock { state in
            if isThere { state.used.insert(prefix + name) } else { state.missing.append(prefix + name) }
        }
    }

    private func standIn(_ shape: [Int]) throws(CheckpointError) -> [Float] {
        let count = checkedElementCount(of: shape)
        let excess: ParameterMismatch? = account.state.withLock { state in
            guard let count, count <= Self.standInLimit - state.standIns else {
                return ParameterMismatch(missing: state.missing, surplus: [], misshaped: state.misshaped)
            }
            state.standIns += count
            return nil
        }
        if let excess { throw .mismatch(excess) }
        return [Float](repeating: 0, count: count ?? 0)
    }

    /// Declares that what begins so is not needed, for instance because it is an alias of something that is.
    package func ignore(prefix ignored: String) {
        account.state.withLock { $0.ignoredPrefixes.append(prefix + ignored) }
    }

    /// Checks the account: everything asked for was there, and everything that begins with this reader's prefix was
    /// asked for or ignored.
    ///
    /// - Throws: one `mismatch` that names all missing, surplus and mis-shaped parameters.
    package func finish() throws(CheckpointError) {
        let state = account.state.withLock { $0 }
        let surplus = dictionary.names.filter { name in
            name.hasPrefix(prefix) && !state.used.contains(name)
                && !state.ignoredPrefixes.contains { name.hasPrefix($0) }
        }
        guard state.missing.isEmpty, state.misshaped.isEmpty, surplus.isEmpty else {
            throw .mismatch(ParameterMismatch(
                missing: state.missing, surplus: surplus, misshaped: state.misshaped))
        }
    }
}
