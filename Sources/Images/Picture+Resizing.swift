extension Picture {
    /// Shares a loop's items out among threads, and returns when all are done.
    package typealias ParallelLoop = (_ count: Int, _ body: (_ item: Int) -> Void) -> Void

    /// A window of the picture at another size, by the bicubic filter with antialiasing that Pillow has; only what the
    /// window keeps is computed, and its bytes are the same however the loops are shared out.
    ///
    /// - Parameter shouldContinue: asked again and again, by whichever thread; once false, it stays so.
    /// - Returns: interleaved RGB bytes, row by row.
    /// - Throws: `cancelled`.
    /// - Precondition: `width` and `height` are positive, and the window lies inside the resized picture.
    package func resampled(
        width: Int, height: Int, columns: Range<Int>, rows: Range<Int>,
        sharedBy loop: ParallelLoop = { count, body in for item in 0..<count { body(item) } },
        shouldContinue: @escaping () -> Bool = { true }
    ) throws(ImageError) -> [UInt8] {
        let resampling = BicubicResampling(
            from: (self.width, self.height), to: (width, height), columns: columns, rows: rows)
        return try resampling(pixels, sharedBy: loop, shouldContinue: shouldContinue)
    }

    /// A window of the picture as it is: interleaved RGB bytes, row by row.
    ///
    /// - Precondition: it lies inside the picture.
    package func window(columns: Range<Int>, rows: Range<Int>) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(columns.count * rows.count * 3)
        for row in rows { kept += pixels[(row * width + columns.lowerBound) * 3..<(row * width + columns.upperBound) * 3] }
        return kept
    }
}
