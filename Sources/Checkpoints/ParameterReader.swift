/// Hands out parameters to a network and keeps account, so that nothing is missing, surplus or mis-shaped unnoticed.
///
/// A network takes everything it needs, level by level through `scope`, and the loader calls `finish` at the end.
/// Copies share one account.
package struct ParameterReader {
    private let dictionary: StateDict
    private let prefix: String
    private let account: Account

    private final class Account {
        var used: Set<String> = []
        var ignoredPrefixes: [String] = []
        var missing: [String] = []
        var misshaped: [ParameterMismatch.Misshaped] = []
        /// Numbers that zeros stand in for.
        var standIns = 0
    }

    /// The most numbers that zeros stand in for: a file of a network of quite another size must not be answered with
    /// gigabytes of them.
    package static let standInLimit = 1 << 24

    /// - Parameter prefix: put before every name that is asked for, such as `clip.visual.`.
    package init(_ dictionary: StateDict, prefix: String = "") {
        self.init(dictionary, prefix, Account())
    }

    private init(_ dictionary: StateDict, _ prefix: String, _ account: Account) {
        self.dictionary = dictionary
        self.prefix = prefix
        self.account = account
    }

    /// A reader of the names that begin with this component and a dot.
    package func scope(_ component: String) -> ParameterReader {
        ParameterReader(dictionary, prefix + component + ".", account)
    }

    /// The parameter's numbers in row-major order. One that is missing or has another shape is noted for `finish`,
    /// and zeros stand in for it.
    ///
    /// - Throws: one `mismatch` with all that was noted so far, where that would be too many zeros.
    package func take(_ name: String, _ shape: [Int]) throws(CheckpointError) -> [Float] {
        if let numbers = try takeIfPresent(name, shape) { return numbers }
        account.missing.append(prefix + name)
        return try standIn(shape)
    }

    /// Nil where there is no such parameter; one that has another shape is noted, and zeros stand in for it.
    ///
    /// - Throws: as `take`.
    package func takeIfPresent(_ name: String, _ shape: [Int]) throws(CheckpointError) -> [Float]? {
        guard let tensor = dictionary[prefix + name] else { return nil }
        account.used.insert(prefix + name)
        guard tensor.shape == shape else {
            account.misshaped.append(.init(name: prefix + name, expected: shape, found: tensor.shape))
            return try standIn(shape)
        }
        return tensor.floats()
    }

    /// Whether there is such a parameter; asking doesn't count as taking it.
    package func contains(_ name: String) -> Bool { dictionary[prefix + name] != nil }

    /// Sees that a parameter is there, of whatever shape, which nothing is computed with.
    package func acknowledge(_ name: String) {
        if contains(name) { account.used.insert(prefix + name) } else { account.missing.append(prefix + name) }
    }

    private func standIn(_ shape: [Int]) throws(CheckpointError) -> [Float] {
        guard let count = checkedElementCount(of: shape), count <= Self.standInLimit - account.standIns else {
            throw .mismatch(ParameterMismatch(missing: account.missing, surplus: [], misshaped: account.misshaped))
        }
        account.standIns += count
        return [Float](repeating: 0, count: count)
    }

    /// Declares that what begins so is not needed, for instance because it is an alias of something that is.
    package func ignore(prefix ignored: String) { account.ignoredPrefixes.append(prefix + ignored) }

    /// Checks the account: everything asked for was there, and everything that begins with this reader's prefix was
    /// asked for or ignored.
    ///
    /// - Throws: one `mismatch` that names all missing, surplus and mis-shaped parameters.
    package func finish() throws(CheckpointError) {
        let surplus = dictionary.names.filter { name in
            name.hasPrefix(prefix) && !account.used.contains(name)
                && !account.ignoredPrefixes.contains { name.hasPrefix($0) }
        }
        guard account.missing.isEmpty, account.misshaped.isEmpty, surplus.isEmpty else {
            throw .mismatch(ParameterMismatch(
                missing: account.missing, surplus: surplus, misshaped: account.misshaped))
        }
    }
}
