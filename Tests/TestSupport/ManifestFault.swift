import Foundation

/// Random faults in a `bundle.json`.
package enum ManifestFault {
    /// The object with one value replaced by one that can't be, or one key taken away or added.
    ///
    /// - Parameter extremes: values to put in place of others.
    package static func added(
        to value: [String: Any], of extremes: [Any], using random: inout SeededGenerator
    ) -> [String: Any] {
        var value = value
        guard let key = value.keys.sorted().randomElement(using: &random) else { return ["odd": 1] }
        if let object = value[key] as? [String: Any], Int.random(in: 0..<8, using: &random) > 0 {
            value[key] = added(to: object, of: extremes, using: &random)
            return value
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: value[key] = nil
        case 1: value["odd"] = 1
        case 2 where value[key] is [Int]:
            value[key] = (value[key] as? [Int] ?? []) + [extremes.compactMap { $0 as? Int }.randomElement(using: &random) ?? 0]
        default: value[key] = extremes.randomElement(using: &random)
        }
        return value
    }
}
