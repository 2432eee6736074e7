import Checkpoints
import Foundation
import Images
import TestSupport
import Testing

/// The scripts' own sizes and resizing, byte for byte.
@Suite("Fit of pictures", .enabled(if: LatentFixtures.folder.has("edit_fit.safetensors")))
struct PictureFitTests {
    private func picture(_ tensor: StoredTensor?) throws -> Picture {
        let tensor = try #require(tensor)
        return Picture(width: tensor.shape[1], height: tensor.shape[0], pixels: tensor.withBytes { [UInt8]($0) })
    }

    @Test("pictures of the edit script are cropped and resized as recorded")
    func edit() throws {
        let recorded = try LatentFixtures.recorded("edit_fit.safetensors")
        let numbers = recorded.names.compactMap { $0.hasSuffix(".input") ? String($0.dropLast(".input".count)) : nil }
        #expect(!numbers.isEmpty)
        for number in numbers {
            let input = try picture(recorded["\(number).input"]), output = try picture(recorded["\(number).output"])
            let resolution = try #require(recorded["\(number).resolution"]?.floats().first)
            let fit = try #require(PictureFit(
                width: input.width, height: input.height, resolution: Int(resolution), of: .longer))
            #expect(fit.width == output.width && fit.height == output.height)
            #expect(fit(input).pixels == output.pixels, "\(number)")
        }
    }

    @Test("AutoDIR's option resizes by the shorter side, then crops", .enabled(if: AutoDIRFixtures.folder.has("resize.safetensors")))
    func shorter() throws {
        let recorded = try AutoDIRFixtures.recorded("resize.safetensors")
        let cases = try AutoDIRFixtures.folder.configuration().objectList("resize")
        for (index, section) in try #require(cases).enumerated() {
            let input = try picture(recorded["case\(index).picture"])
            let resolution = try section.size("resolution", 1...9_999)
            var resized = input
            if let expected = recorded["case\(index).resized"] {
                let fit = try #require(PictureFit(
                    width: input.width, height: input.height, resolution: resolution, of: .shorter))
                resized = fit(input)
                #expect(resized.pixels == (try picture(expected)).pixels, "\(index)")
            } else {
                #expect(min(input.width, input.height) >= resolution)
            }
            let (x, y) = (try section.size("offset_x", 0...9_999), try section.size("offset_y", 0...9_999))
            let cropped = resized.window(columns: x..<x + resolution, rows: y..<y + resolution)
            #expect(cropped == (try picture(recorded["case\(index).cropped"])).pixels, "\(index)")
        }
    }

    @Test("sizes that lose a unit by rounding, and one that is left with nothing")
    func sizes() {
        #expect(PictureFit(width: 98, height: 98, resolution: 512, of: .longer)?.width == 448)
        #expect(PictureFit(width: 98, height: 98, resolution: 64, of: .longer) == nil)
    }

    @Test("a reduction takes more neighbours: grey stays grey, and a mean is kept")
    func reduction() throws {
        let fit = try #require(PictureFit(width: 300, height: 200, resolution: 64, of: .shorter))
        let grey = fit(Picture(width: 300, height: 200, pixels: [UInt8](repeating: 119, count: 300 * 200 * 3)))
        #expect(grey.width == fit.width && grey.pixels.allSatisfy { $0 == 119 })
        // Stripes as narrow as pixels vanish where three and more become one.
        let stripes = (0..<300 * 200 * 3).map { UInt8($0 / 3 % 2 == 0 ? 100 : 140) }
        let mean = fit(Picture(width: 300, height: 200, pixels: stripes)).pixels
        #expect(mean.allSatisfy { (117...123).contains($0) })
    }
}
