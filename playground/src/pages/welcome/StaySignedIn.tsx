/** Without it the browser is signed in until it is closed. */
export function StaySignedIn() {
  return (
    <label className="check">
      <input type="checkbox" name="stay" />
      <span>Stay signed in when the browser is closed</span>
    </label>
  );
}
