import Bundles
import Checkpoints

/// What servers and catalogues tell a fetch: nothing of it gets into a request's head, a path or a number that it doesn't fit.
enum AnswerChecks {
    /// Lines of the heads of answers, one after another; as a whole a catalogue, and each line an address.
    static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        var head = AnswerHead()
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            head.take(line)
            try check(head)
            try check(address: String(decoding: line, as: UTF8.self))
        }
        let catalogue: Catalogue
        do throws(ConfigurationError) {
            catalogue = try Catalogue(json: bytes)
        } catch {
            try oneLine(error.description)
            return
        }
        for entry in catalogue.entries {
            try plain(entry.name)
            for file in entry.files { try plain(file.name) }
        }
    }

    private static func check(_ head: AnswerHead) throws(BrokenPromise) {
        try promise(head.status == 0 || (100...999).contains(head.status), "a status of \(head.status)")
        for size in [head.contentLength, head.linkedSize, head.contentRange?.first, head.contentRange?.total] {
            try promise(size.map { $0 >= 0 } ?? true, "a size under zero")
        }
        if let range = head.contentRange, let first = range.first, let total = range.total {
            try promise(first < total, "a range behind its end")
        }
        // Both are sent back, in the head of a request.
        for text in [head.strongEntityTag, head.lastModified].compactMap(\.self) {
            try promise(text.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a head may be split")
        }
        if let digest = head.linkedDigest { try promise(digest.utf8.count == 64, "a digest of \(digest.utf8.count) digits") }
        if let location = head.location { try check(address: location) }
    }

    /// Read once more, an address is the same; what is shown of it has no query, which may be a secret.
    private static func check(address text: String) throws(BrokenPromise) {
        let address: WebAddress
        do throws(FetchError) {
            address = try WebAddress("https://files.example/a/b?c").redirected(to: text)
        } catch {
            try oneLine(error.description)
            return
        }
        try promise(address.whole.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "an address with blanks")
        let again = try? WebAddress(address.whole)
        try promise(again == address, "\(address.whole) is read as \(again?.whole ?? "none")")
        try promise(!address.description.contains("?"), "\(address) shows a query")
    }

    private static func plain(_ name: String) throws(BrokenPromise) {
        try promise(!name.contains("/") && !name.hasPrefix(".") && !name.isEmpty, "the name \(name) is a path")
    }

    private static func oneLine(_ text: String) throws(BrokenPromise) {
        try promise(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "an error that is more than one line")
    }
}
