import Crypto
import Foundation
import HTTPTypes
import TestSupport
import Testing

/// The page for people and the descriptions for programs.
@Suite("Page")
struct PageTests {
    private let subject = ServiceUnderTest()

    @Test("the page is there with or without a key, ready or not, whatever is accepted", arguments: [
        nil, "*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json", "image/png",
    ] as [String?])
    func page(accept: String?) async {
        var fields: HTTPFields = [:]
        fields[.accept] = accept
        for subject in [subject, ServiceUnderTest { $0.apiKeys = ["open-sesame-1234"] }, ServiceUnderTest(isStarted: false)] {
            let page = await subject.send(.get, "/", fields: fields)
            #expect(page.status == 200)
            #expect(page["Content-Type"] == "text/html; charset=utf-8")
            let head = await subject.send(.head, "/", fields: fields)
            #expect(head.status == 200 && head.fields[.contentType] == page["Content-Type"])
        }
    }

    @Test("its policy admits the style and the script that are served, by their digests, and nothing from elsewhere")
    func policy() async throws {
        let page = await subject.send(.get, "/")
        let policy = try #require(page["Content-Security-Policy"])
        for (kind, start, end) in [("style", "<style>", "</style>"), ("script", "<script type=\"module\">", "</script>")] {
            let pieces = page.text.components(separatedBy: start)
            #expect(pieces.count == 2)
            let content = try #require(pieces.last?.components(separatedBy: end).first)
            #expect(content.count > 1000)
            let digest = Data(SHA256.hash(data: Data(content.utf8))).base64EncodedString()
            #expect(policy.contains("\(kind)-src 'sha256-\(digest)'"))
        }
        for directive in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"] {
            #expect(policy.contains(directive))
        }
        #expect(!policy.contains("unsafe") && !page.text.contains("{{") && !page.text.contains("style="))
        // Nothing on it loads by itself but what it carries.
        #expect(page.text.matches(of: /src="(?!data:)/).isEmpty && !page.text.contains("@import"))
    }

    @Test("the page's links lead to what there is")
    func links() async {
        let links = await subject.send(.get, "/").text.matches(of: /<a href="([^"]+)"/)
        #expect(links.count == 4)
        for link in links { #expect(await subject.send(.get, "/\(link.output.1)").status == 200) }
    }

    @Test("a browser that has the page is not sent it again, plain or packed", arguments: ["identity", "gzip", "br, gzip;q=0.5", "gzip;q=0"])
    func tags(coding: String) async throws {
        let isPacked = coding.contains("gzip") && !coding.hasSuffix("q=0")
        let first = await subject.send(.get, "/", fields: [.acceptEncoding: coding])
        let tag = try #require(first["ETag"])
        #expect(first["Content-Encoding"] == (isPacked ? "gzip" : nil) && first["Vary"] == "Accept-Encoding")
        #expect(first.body.starts(with: isPacked ? [0x1F, 0x8B] : Array("<!doctype".utf8)))
        for sent in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
            let again = await subject.send(.get, "/", fields: [.acceptEncoding: coding, .ifNoneMatch: sent])
            #expect(again.status == 304 && again.body.isEmpty && again["ETag"] == tag && again["Content-Encoding"] == nil)
        }
        for sent in ["\"other\"", "", String(tag.dropLast())] {
            #expect(await subject.send(.get, "/", fields: [.acceptEncoding: coding, .ifNoneMatch: sent]).status == 200)
        }
        let other = await subject.send(.get, "/", fields: [.acceptEncoding: isPacked ? "identity" : "gzip"])
        #expect(other["ETag"] != tag)
    }

    @Test("where the operator wants none there is no page, and balancers still get their 200")
    func off() async {
        let without = ServiceUnderTest { $0.page = "off" }
        #expect(await without.send(.get, "/").status == 404)
        #expect(await without.send(.options, "/").status == 200)
        #expect(await without.send(.get, "/health").status == 200)
    }

    @Test("the page has words for every kind of problem, and every reason for which a restoration is withheld")
    func sentences() throws {
        func text(_ path: String) throws -> String {
            try String(contentsOf: Repository.root.appending(path: "Sources/" + path), encoding: .utf8)
        }
        let words = try text("Service/Page/problems.js")
        var kinds: Set<String> = []
        for file in ["Problem+Mapping.swift", "ServiceFault.swift"] {
            // A status, the kind, and a title.
            let matches = try text("Service/Problems/" + file).matches(of: /(?:\.\w+|status), "([a-z-]+)", "[A-Z]/)
            kinds.formUnion(matches.map { String($0.output.1) })
        }
        #expect(kinds.count >= 40)
        for kind in kinds { #expect(words.contains("\"\(kind)\": "), "\(kind)") }
        let reasons = try text("Engine/DeclineReason.swift").matches(of: /case (\w+)(?: = "([a-z-]+)")?\n/)
        for reason in reasons.map({ $0.output.2 ?? $0.output.1 }) { #expect(words.contains("\"\(reason)\": "), "\(reason)") }
        #expect(reasons.count >= 5)
    }

    @Test("the description is the same in JSON: every path of it, in its order, texts and numbers as they are")
    func description() async throws {
        let yaml = await subject.send(.get, "/openapi.yaml").text
        let answer = await subject.send(.get, "/openapi.json")
        #expect(answer["Content-Type"] == "application/json")
        let document = answer.json
        let paths = yaml.matches(of: /\n  (\/[^\s:]*):\n/).map { String($0.output.1) }
        #expect(paths.count >= 13 && Set(document["paths"]?.members?.keys.map(\.self) ?? []) == Set(paths))
        #expect(document["openapi"]?.text == "3.1.0" && document["info"]?.members?["version"]?.text == "0.1.0")
        let schemas = document["components"]?.members?["schemas"]?.members
        #expect(schemas?["Quality"]?.members?["maximum"]?.number == 100)
        // Quoted it is a text.
        let unchanged = document["components"]?.members?["headers"]?.members?["Restored-Unchanged"]?.members
        #expect(unchanged?["schema"]?.members?["const"]?.text == "true")
        #expect(schemas?["RestoreForm"]?.members?["additionalProperties"] != nil)
    }
}
