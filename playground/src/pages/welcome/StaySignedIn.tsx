/** Without it only this window is signed in, until it is closed. */
export function StaySignedIn() {
  return (
    <label className="check">
      <input type="checkbox" name="stay" />
      <span>Stay signed in with this browser, in all its windows</span>
    </label>
  );
}
