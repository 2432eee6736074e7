"""Contact sheets: rows of pictures with a line of text under each."""

from pathlib import Path

from PIL import Image, ImageDraw


def contact_sheet(
    rows: list[list[tuple[Image.Image, str]]], path: Path, height: int = 150, columns: int = 2
) -> None:
    """Writes rows of captioned pictures, all scaled to one height; `columns` rows stand side by side."""
    text, gap = 14, 6
    cells = [[(picture.resize((max(1, round(picture.width * height / picture.height)), height), Image.LANCZOS), caption)
              for picture, caption in row] for row in rows]
    width = max(sum(picture.width + gap for picture, _ in row) for row in cells) + gap
    lines = -(-len(cells) // columns)
    sheet = Image.new("RGB", (width * columns, lines * (height + text + gap) + gap), "white")
    draw = ImageDraw.Draw(sheet)
    for index, row in enumerate(cells):
        x, y = index // lines * width + gap, index % lines * (height + text + gap) + gap
        for picture, caption in row:
            sheet.paste(picture, (x, y))
            draw.text((x, y + height + 1), caption[: picture.width // 6 + 1], fill="black")
            x += picture.width + gap
    sheet.save(path, optimize=True)
