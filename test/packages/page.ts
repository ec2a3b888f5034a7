export function page(_results: string): string {
  return "";
}
