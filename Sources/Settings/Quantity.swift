/// Sizes, rates and durations as people write them: `2GiB`, `64MB`, `16KiB/s`, `90s`, `1h30m`. Plain numbers are bytes,
/// bytes a second and seconds.
package enum Quantity {
    /// The number of units that a text stands for; nil where it is none, or not a whole number of them.
    package static func number(_ text: String, in unit: Setting.Unit) -> Int? {
        if let plain = Int(text) { return plain }
        switch unit {
        case .bytes: return bytes(text)
        case .bytesPerSecond: return bytes(text.hasSuffix("/s") ? String(text.dropLast(2)) : text)
        case .seconds: return seconds(text)
        case .none, .pixels, .megapixels: return nil
        }
    }

    /// A number of units in the largest that it is whole in, which `number` reads again.
    package static func text(_ number: Int, in unit: Setting.Unit) -> String {
        guard number > 0 else { return String(number) }
        func largest(_ units: [(name: String, size: Int)]) -> String {
            for (name, size) in units.reversed() where number.isMultiple(of: size) { return "\(number / size)\(name)" }
            return String(number)
        }
        switch unit {
        case .bytes: return largest(binary)
        case .bytesPerSecond: return largest(binary) + "/s"
        case .seconds: return largest(durations)
        case .none, .pixels, .megapixels: return String(number)
        }
    }

    /// How a quantity of this unit may be written, for messages.
    static func examples(of unit: Setting.Unit) -> String {
        switch unit {
        case .bytes: ", such as 64KiB, 1.5GiB or 100MB"
        case .bytesPerSecond: ", such as 16KiB/s"
        case .seconds: ", such as 90s, 10m or 1h30m"
        case .none, .pixels, .megapixels: ""
        }
    }

    // `2G` is missing on purpose: to some it is 2^31 bytes, to others 2,000,000,000.
    private static let binary = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)]
    private static let decimal = [
        ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]
    private static let durations = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]

    private static func bytes(_ text: String) -> Int? {
        var rest = text[...]
        guard let amount = Amount(&rest) else { return nil }
        let name = rest.drop { $0 == " " }.lowercased()
        return (binary + decimal).first { $0.0.lowercased() == name }.flatMap { amount.times($0.1) }
    }

    /// One or more parts, each of a smaller unit than the one before.
    private static func seconds(_ text: String) -> Int? {
        var (rest, total, last) = (text[...], 0, Int.max)
        repeat {
            guard let amount = Amount(&rest), let name = rest.popFirst(),
                let size = durations.first(where: { $0.0 == String(name) })?.1, size < last,
                let part = amount.times(size)
            else { return nil }
            let (sum, overflows) = total.addingReportingOverflow(part)
            guard !overflows else { return nil }
            (total, last) = (sum, size)
        } while !rest.isEmpty
        return total
    }
}

/// A decimal number without a sign, as it was written.
private struct Amount {
    private let digits: Int
    /// A power of ten that the digits are divided by.
    private var divisor = 1

    /// Takes the number at the start of a text; nil where none stands there.
    init?(_ text: inout Substring) {
        let isDigit = { (character: Character) in character.isASCII && character.isNumber }
        let whole = text.prefix(while: isDigit)
        var rest = text.dropFirst(whole.count)
        var fraction: Substring = ""
        if rest.first == "." {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
            guard (1...9).contains(fraction.count) else { return nil }
        }
        guard !whole.isEmpty, let digits = Int(whole + fraction) else { return nil }
        self.digits = digits
        for _ in fraction { divisor *= 10 }
        text = rest
    }

    /// So many of a unit; nil where that is no whole number, or too large.
    func times(_ size: Int) -> Int? {
        let (product, overflows) = digits.multipliedReportingOverflow(by: size)
        return overflows || !product.isMultiple(of: divisor) ? nil : product / divisor
    }
}
