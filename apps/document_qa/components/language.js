// The language of the interface, kept by the browser for a year.
export default function ({ data }) {
  document.cookie = `${data.name}=${data.value}; Path=/; Max-Age=31536000; SameSite=Lax`
}
