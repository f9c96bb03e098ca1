// A text to read, with a label where each passage begins. All text is set as text.
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".text")
  root.lang = data.language
  root.tabIndex = 0
  root.setAttribute("role", "region")
  root.setAttribute("aria-label", data.told)
  const text = document.createElement("pre")
  data.pieces.forEach((piece) => {
    piece.starts.forEach((said) => {
      const label = document.createElement("span")
      label.className = "start"
      label.textContent = said
      text.append(label)
    })
    const words = document.createElement("span")
    if (piece.passages > 1) words.className = "shared"
    if (piece.passages < 1) words.className = "outside"
    words.textContent = piece.text
    text.append(words)
  })
  const shown = JSON.stringify(data.pieces)
  if (root.shown === shown) return // scrolled to where somebody reads
  root.shown = shown
  root.replaceChildren(text)
  root.scrollTop = 0
}
