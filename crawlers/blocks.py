"""What a page's text is made of on its way to sections: headings and paragraphs in order."""

Block = tuple[bool, str]  # whether it is a heading, and its text
