import Engine
import Images

/// The parameters of `/restore`, checked.
struct RestoreParameters: Sendable {
    /// A reference is no parameter but a part of a form beside them.
    static let names = ParameterNames(
        offered: RestorationOption.allCases.filter { $0 != .reference }.map(\.name)
            + [BundleChoice.parameter, "format", "quality", "metadata", "timeout"])

    static let quality = 1...100

    typealias Format = ImageFormat

    enum Metadata: String, CaseIterable, Sendable {
        case strip, keep
    }

    var options: RestorationOptions
    /// Nil where the Accept field decides.
    var format: Format?
    /// Nil where the request names none.
    var quality: Int?
    var metadata = Metadata.strip
    /// Seconds that the client is ready to wait.
    var timeout: Int

    /// - Parameters:
    ///   - recipe: knows what the bundle offers.
    ///   - timeoutLimit: the server's longest time, in seconds; also the default.
    init(_ list: ParameterList, recipe: RecipeDescription, timeoutLimit: Int) throws(ServiceFault) {
        var text: [RestorationOption: String] = [:]
        for option in RestorationOption.allCases { text[option] = list[option.name] }
        do throws(OptionFault) {
            options = try recipe.options(reading: text)
        } catch {
            throw .invalidParameter(name: error.option.name, value: error.value, expected: error.expected)
        }
        format = list["format"] == "jpg" ? .jpeg : try list.choice("format", of: Format.self)
        quality = try list.integer("quality", in: Self.quality)
        metadata = try list.choice("metadata", of: Metadata.self) ?? .strip
        timeout = try list.integer("timeout", in: 1...timeoutLimit) ?? timeoutLimit
        if let format { _ = try encodingQuality(for: format) }
    }

    /// The quality to encode with.
    ///
    /// - Parameter format: the answer's, which the parameter or the Accept field decided.
    /// - Throws: `ServiceFault.invalidParameter` where a quality is given for a PNG, which has none.
    func encodingQuality(for format: Format) throws(ServiceFault) -> Int {
        if let quality, format == .png {
            throw .invalidParameter(
                name: "quality", value: String(quality), expected: "left out where the answer is a PNG (format=jpeg)")
        }
        return quality ?? ImageEncoder.standardQuality
    }
}
