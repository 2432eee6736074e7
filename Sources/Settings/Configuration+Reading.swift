import Engine
import Redis

/// Why a configuration can't be used. Each description names the flag or variable.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension Configuration {
    /// Reads environment variables, then flags, which win. `--name value` and `--name=value` are the same.
    ///
    /// - Parameters:
    ///   - arguments: what stands after `serve`.
    ///   - environment: variables starting with `RESTORED_` that no setting has are refused, so that a typing mistake
    ///     doesn't go unseen; others are none of ours, nor are those that Kubernetes makes for services (`ServiceLink`).
    package init(arguments: [String], environment: [String: String]) throws(ConfigurationError) {
        self.init()
        try read(environment: environment)
        try read(arguments: arguments)
        host = Self.withoutBrackets(host)
        if !fetches.isEmpty {
            let named = namesBundles ? bundles : []
            bundles = named + fetches.filter { !named.contains($0) }
        }
        try validate()
    }

    private mutating func read(environment: [String: String]) throws(ConfigurationError) {
        let byVariable = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.environmentVariable, $0) })
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("RESTORED_") {
            if ServiceLink.isOne(name, value) { continue }
            guard let setting = byVariable[name] else {
                // The tests' own variables share the prefix.
                if Self.foreignVariables.contains(name) { continue }
                throw ConfigurationError("\(name) is not a setting of this program")
            }
            if case .list(let path, _) = setting.value {
                let items = value.split(separator: ",")
                // An empty secret would open the service to everybody without a word.
                guard !items.isEmpty else { throw ConfigurationError("\(name) is set and has no value in it") }
                self[keyPath: path] = []
                for item in items {
                    try assign(String(item), to: setting, namedBy: name)
                }
            } else {
                try assign(value, to: setting, namedBy: name)
            }
        }
    }

    /// An IPv6 address without the brackets that it has in a URL; any other host as it is.
    private static func withoutBrackets(_ host: String) -> String {
        guard host.hasPrefix("["), host.hasSuffix("]"), host.contains(":") else { return host }
        return String(host.dropFirst().dropLast())
    }

    private static let foreignVariables: Set<String> = ["RESTORED_PARITY", "RESTORED_DATA"]

    private mutating func read(arguments: [String]) throws(ConfigurationError) {
        let byFlag = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.flag, $0) })
        var seen: Set<String> = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let pieces = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = String(pieces.first ?? "")
            guard flag.hasPrefix("--"), let setting = byFlag[flag] else {
                throw ConfigurationError("unknown argument '\(flag)'")
            }
            guard let value = pieces.count == 2 ? String(pieces[1]) : rest.popFirst() else {
                throw ConfigurationError("\(flag) needs a value")
            }
            if case .list(let path, _) = setting.value {
                // Flags replace what the environment says, as they do for every other setting.
                if seen.insert(flag).inserted { self[keyPath: path] = [] }
            } else if !seen.insert(flag).inserted {
                throw ConfigurationError("\(flag) is given twice")
            }
            try assign(value, to: setting, namedBy: flag)
        }
    }

    private mutating func assign(
        _ value: String, to setting: Setting, namedBy name: String
    ) throws(ConfigurationError) {
        switch setting.value {
        case .integer(let path, let unit, let bounds):
            guard let number = Quantity.number(value, in: unit), bounds.contains(number) else {
                let unitText = unit == .none ? "" : " \(unit.rawValue)"
                throw ConfigurationError(
                    "\(name) must be a whole number from \(bounds.lowerBound) to \(bounds.upperBound)\(unitText)"
                        + "\(Quantity.examples(of: unit)), not '\(value)'")
            }
            self[keyPath: path] = number
        case .text(let path, let form):
            guard !value.isEmpty || form != Setting.fileForm else {
                throw ConfigurationError("\(name) must name a file")
            }
            self[keyPath: path] = value
        case .choice(let path, let choices):
            guard choices.contains(value) else {
                throw ConfigurationError("\(name) must be one of \(choices.joined(separator: ", ")), not '\(value)'")
            }
            self[keyPath: path] = value
        case .list(let path, let form):
            guard !value.isEmpty || form != Setting.bundleForm else {
                throw ConfigurationError("\(name) must name a bundle")
            }
            if path == \Configuration.bundles { namesBundles = true }
            if path != \Configuration.fetches || !fetches.contains(value) { self[keyPath: path].append(value) }
        }
    }

    /// Checks what single bounds can't: how settings go together.
    package func validate() throws(ConfigurationError) {
        guard !host.isEmpty else { throw ConfigurationError("--host must not be empty") }
        guard requestMemory >= largestRequestBytes else {
            throw ConfigurationError(
                "--request-memory must be at least \(largestRequestBytes) bytes for a body of --body-limit \(bodyLimit) "
                    + "bytes and a picture of --megapixel-limit \(megapixelLimit)")
        }
        guard memoryBudget == 0 || memoryBudget >= Self.smallestMemoryBudget else {
            throw ConfigurationError(
                "--memory-budget must be 0 or at least \(Self.smallestMemoryBudget) bytes, not \(memoryBudget)")
        }
        guard resultMemory >= PictureMemory.bytesPerPixel * megapixelLimit * 1_000_000 else {
            throw ConfigurationError("--result-memory must hold one picture of --megapixel-limit \(megapixelLimit)")
        }
        try validateJobStore()
        guard headLimit >= max(requestLineLimit, headerLineLimit) else {
            throw ConfigurationError("--head-limit must not be under --request-line-limit or --header-line-limit")
        }
        // The keys themselves stay out of the messages.
        guard apiKeys.allSatisfy(APIKeyFormat.isWellFormed) else { throw ConfigurationError(APIKeyFormat.rule) }
        guard corsOrigin.isEmpty || Self.isOrigin(corsOrigin) else {
            throw ConfigurationError(
                "--cors-origin must be one origin such as https://photos.example, not '\(corsOrigin)'")
        }
    }

    private func validateJobStore() throws(ConfigurationError) {
        guard !jobStore.isEmpty else {
            guard serviceRole == .all else { throw ConfigurationError("--role \(role) needs a --job-store") }
            return
        }
        do throws(RedisError) {
            _ = try RedisAddress(jobStore)
        } catch {
            // The address itself stays out of the message: it may hold a password.
            throw ConfigurationError(
                "--job-store must be an address such as redis://host:6379/0 or rediss://:password@host:6379/0; "
                    + "\(error.reason)")
        }
        guard bodyLimit <= Self.jobStoreText else {
            throw ConfigurationError("--body-limit must be at most \(Self.jobStoreText) bytes with a --job-store")
        }
        guard resultMemory >= bodyLimit else {
            throw ConfigurationError("--result-memory must hold one body of --body-limit \(bodyLimit) in a --job-store")
        }
    }

    /// What one largest request may hold at once: its body, and the most that work on its picture takes, whether
    /// decoding or restoring.
    var largestRequestBytes: Int {
        2 * bodyLimit + PictureMemory.peakBytesPerPixel * megapixelLimit * 1_000_000
    }

    /// Scheme and authority without a path: what browsers send as `Origin`.
    private static func isOrigin(_ text: String) -> Bool {
        let schemes = ["https://", "http://"]
        guard let scheme = schemes.first(where: text.hasPrefix) else { return false }
        let authority = text.dropFirst(scheme.count)
        let allowed = authority.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        return !authority.isEmpty && allowed
    }
}
