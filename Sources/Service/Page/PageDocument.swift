import Checkpoints
import Crypto

/// The page for people: one document that asks nobody else for anything, made of the sources beside this file.
struct PageDocument: Sendable {
    let bytes: [UInt8]
    /// The same in gzip; nil where zlib had no memory for it.
    let packed: [UInt8]?
    /// Lets the page's own style and script work and nothing else (CSP Level 3).
    let policy: String
    /// What names this version of the page, without its quotation marks.
    let version: String

    /// Of the program's own sources.
    static let standard = PageDocument(
        template: text(PackageResources.page_html), style: text(PackageResources.page_css),
        script: [
            PackageResources.service_js, PackageResources.problems_js, PackageResources.key_js,
            PackageResources.formats_js, PackageResources.reference_js, PackageResources.samples_js,
            PackageResources.settings_js, PackageResources.compare_js, PackageResources.card_js, PackageResources.start_js,
        ].map(text).joined(separator: "\n"),
        sample: PackageResources.sample_jpg)

    /// - Parameter template: has a place for each of the others, named in double braces.
    init(template: String, style: String, script: String, sample: [UInt8]) {
        let document = template.replacing("{{style}}", with: style)
            .replacing("{{sample}}", with: Self.base64(sample)).replacing("{{script}}", with: script)
        bytes = Array(document.utf8)
        packed = Gzip.packed(bytes)
        version = Hexadecimal.text(Array(SHA256.hash(data: bytes).prefix(16)))
        policy = [
            "default-src 'none'", "script-src '\(Self.digest(script))'", "style-src '\(Self.digest(style))'",
            "img-src blob: data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
            "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
        ].joined(separator: "; ")
    }

    private static func digest(_ text: String) -> String {
        "sha256-" + base64(Array(SHA256.hash(data: Array(text.utf8))))
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        Base64.append(bytes, to: &text)
        return self.text(text)
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
